//! Carrying bytes between two connections.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpStream;

/// Connects `client` with whoever listens on `address`, until either ends.
pub(crate) async fn relay(mut client: TcpStream, address: SocketAddr) -> io::Result<()> {
    let mut server = TcpStream::connect(address).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}
