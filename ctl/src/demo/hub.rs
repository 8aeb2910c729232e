//! The hub of the demo: that of the binary, with a repository on disk.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use clap::Parser;
use shipper_hub::app::{App, AppError};
use shipper_hub::args::Args;
use shipper_hub::config::Config;

use crate::Error;

/// Where `shipperctl` looks for a hub when nobody says.
const USUAL: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 8080);

/// What the hub reads and writes.
pub(super) struct Paths<'a> {
    pub(super) repository: &'a Path,
    pub(super) data_dir: &'a Path,
    pub(super) tokens: &'a Path,
    pub(super) helm: Option<&'a Path>,
}

/// Builds the hub: its port is taken when this returns.
pub(super) async fn start(listen: Option<SocketAddr>, paths: &Paths<'_>) -> Result<App, Error> {
    let config = |listen: SocketAddr| {
        let arguments = [
            "shipper-hub".into(),
            format!("--repository={}", paths.repository.display()),
            format!("--data-dir={}", paths.data_dir.display()),
            format!("--agent-tokens={}", paths.tokens.display()),
            format!("--listen={listen}"),
            "--heartbeat=5s".into(),
            "--anonymous-read".into(),
        ];
        let helm = paths.helm.map(|helm| format!("--helm={}", helm.display()));
        let arguments = arguments.into_iter().chain(helm);
        let args = Args::try_parse_from(arguments).map_err(|error| failed(&error))?;
        Config::try_from(args).map_err(|error| failed(&error))
    };
    let usual = SocketAddr::from(USUAL);
    let wanted = config(listen.unwrap_or(usual))?;
    let app = match App::build(&wanted).await {
        Err(AppError::Listen { source, .. })
            if listen.is_none() && source.kind() == io::ErrorKind::AddrInUse =>
        {
            App::build(&config(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?).await
        }
        built => built,
    };
    app.map_err(|error| failed(&error))
}

fn failed(error: &dyn std::error::Error) -> Error {
    Error::Demo { step: "start the hub", reason: error.to_string() }
}
