//! Lists are followed, all by one mechanism; over a socket, as any client does.

use super::reading::rolling;
use super::{filters, *};
use crate::http::serve::serve;
use shipper_core::api::{PODS_OF, RELEASES_OF, TIMELINE, VERSIONS};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Longer than anything here takes, and than a look that nothing asked for.
const PATIENCE: Duration = Duration::from_secs(10);

async fn listen(hub: &Hub) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, hub.router.clone(), hub.shared.stop.clone()));
    address
}

/// A stream of events on a socket.
struct Wire {
    socket: TcpStream,
    read: String,
}

impl Wire {
    /// Asks, and says which event came last, as one who was cut off does.
    async fn of(address: SocketAddr, path: &str, last: Option<&str>) -> Self {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let request = format!("GET {path} HTTP/1.1\r\nHost: hub\r\n{last}\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut wire = Self { socket, read: String::new() };
        let head = wire.until("\r\n\r\n").await;
        assert!(head.contains("content-type: text/event-stream"), "{head}");
        wire
    }

    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some((before, after)) = self.read.split_once(end) {
                let before = before.to_owned();
                self.read = after.to_owned();
                return before;
            }
            let mut bytes = [0; 4096];
            let read =
                timeout(PATIENCE, self.socket.read(&mut bytes)).await.expect("something comes").unwrap();
            assert_ne!(read, 0, "the stream goes on");
            self.read.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
        }
    }

    /// Id and data of the next page.
    async fn page(&mut self) -> (String, Value) {
        self.until("id: ").await;
        let event = self.until("\n\n").await;
        let (id, rest) = event.split_once("\nevent: page\ndata: ").unwrap_or_else(|| panic!("{event}"));
        (id.to_owned(), serde_json::from_str(rest).unwrap())
    }

    /// Nothing comes for longer than a change takes.
    async fn is_silent(&mut self) {
        self.is_silent_for(Duration::from_millis(700)).await;
    }

    async fn is_silent_for(&mut self, time: Duration) {
        let mut bytes = [0; 4096];
        let read = timeout(time, self.socket.read(&mut bytes)).await;
        let Ok(read) = read else { return };
        panic!("{}", String::from_utf8_lossy(&bytes[..read.unwrap()]));
    }
}

fn waiting(message: &str) -> ApplicationStatus {
    let mut status = rolling("web", "shop");
    status.clusters[1].message = message.to_owned();
    status
}

#[tokio::test]
async fn a_list_is_told_as_it_is_and_then_whenever_it_is_another() {
    let hub = hub().await;
    let address = listen(&hub).await;
    hub.shared.statuses.publish(waiting("one"));
    let list = format!("{APPLICATIONS}?namespace=web&limit=5");
    let mut stream = Wire::of(address, &format!("{list}&watch"), None).await;
    let (first, told) = stream.page().await;
    assert_eq!(told, hub.get(&list).await.json());

    hub.shared.statuses.publish(status("data", "lake"));
    stream.is_silent().await;
    for message in ["two", "three"] {
        hub.shared.statuses.publish(waiting(message));
    }
    let (second, told) = stream.page().await;
    assert_eq!(told["items"][0]["waiting"]["message"], "us: three", "the newest, and no backlog");
    assert_ne!(first, second);

    let watched = format!("{APPLICATIONS}?watch=true&limit=5&namespace=web");
    let mut back = Wire::of(address, &watched, Some(&second)).await;
    back.is_silent().await;
    hub.shared.statuses.publish(waiting("four"));
    for stream in [&mut stream, &mut back] {
        assert_eq!(stream.page().await.1["items"][0]["waiting"]["message"], "us: four");
    }
    let mut late = Wire::of(address, &watched, Some(&first)).await;
    assert_eq!(late.page().await.1["items"][0]["waiting"]["message"], "us: four", "what was missed");

    hub.shared.stop.cancel();
    for stream in [&mut stream, &mut late] {
        while timeout(PATIENCE, stream.socket.read(&mut [0; 64])).await.unwrap().unwrap() > 0 {}
    }
}

/// What an agent says of itself, and what begins by the clock alone, is a change too.
#[tokio::test]
async fn clusters_and_blocks_are_followed_by_what_nobody_decides() {
    // A Friday, two seconds before it is six.
    let hub = hub_at(Clock::starting_at("2026-11-06T17:59:58Z".parse().unwrap()), None).await;
    let address = listen(&hub).await;
    filters::fleet(&hub).await;
    let session = hub.session("uid-1").await;
    hub.post(REPORTS, EU, &report(&session, 1)).await;
    let mut clusters = Wire::of(address, &format!("{CLUSTERS}?q=eu&watch"), None).await;
    clusters.page().await;
    let mut second = report(&session, 2);
    second["problems"] = json!(["the way to Git is closed"]);
    second["free"] = json!({"cpu": "3500m"});
    hub.post(REPORTS, EU, &second).await;
    let told = clusters.page().await.1;
    assert_eq!(told["items"][0]["problems"], json!(["the way to Git is closed"]));
    assert_eq!(told["items"][0]["free"], json!({"cpu": "3500m"}));
    let again = told["items"][0]["lastReport"].clone();
    second["sequence"] = json!(3);
    hub.post(REPORTS, EU, &second).await;
    clusters.is_silent_for(Duration::from_secs(3)).await;
    let now = hub.get(&format!("{CLUSTERS}?q=eu")).await.json()["items"][0]["lastReport"].clone();
    assert_ne!(now, again, "it has reported, and nothing is new");

    let weekend = ", schedule: {cron: '0 18 * * FRI', duration: 62h, timeZone: UTC}";
    filters::blocks(&hub, &[("weekend", weekend)]);
    let mut blocks = Wire::of(address, &format!("{BLOCKS}?inForce=true&watch"), None).await;
    let mut told = blocks.page().await.1;
    // The machine may have taken its time until here.
    if told == json!({"items": []}) {
        told = blocks.page().await.1;
    }
    assert_eq!(told["items"][0]["inForce"], true);
}

#[tokio::test]
async fn every_list_is_followed_and_refuses_what_it_refuses_without() {
    let hub = hub().await;
    hub.shared.statuses.publish(waiting("one"));
    let address = listen(&hub).await;
    let shop = format!("{APPLICATIONS}/web/shop");
    let lists = [
        APPLICATIONS,
        &format!("{shop}/{RELEASES_OF}"),
        &format!("{shop}/{PODS_OF}"),
        VERSIONS,
        CLUSTERS,
        BLOCKS,
    ];
    for list in lists {
        let mut stream = Wire::of(address, &format!("{list}?watch"), None).await;
        assert_eq!(stream.page().await.1, hub.get(list).await.json(), "{list}");
        hub.get(&format!("{list}?watch&limit=0")).await.problem(400);
        hub.get(&format!("{list}?watch&watch=false")).await.problem(400);
        assert!(hub.get(&format!("{list}?watch=maybe")).await.problem(400).contains("watch=true"));
        assert_eq!(hub.get(&format!("{list}?watch=false&limit=5")).await.json(), hub.get(list).await.json());
    }
    hub.get(&format!("{APPLICATIONS}/web/none/{PODS_OF}?watch")).await.problem(404);
    hub.get(&format!("{TIMELINE}?watch&limit=0&nothing=1")).await.problem(400);
}
