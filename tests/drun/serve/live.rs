//! Instances that go on by themselves beside those that do not (pocket-ic-api.md 3.11): who waits for whom.

use super::*;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

/// Longest wait for what should come at once.
const PATIENCE: Duration = Duration::from_secs(60);

/// A thread that does something with a connection of its own.
fn beside<T: Send + 'static>(
    server: &Server,
    work: impl FnOnce(&mut Client) -> T + Send + 'static,
) -> JoinHandle<T> {
    let port = server.port;
    std::thread::spawn(move || work(&mut Client::new(port)))
}

/// What a thread has done, if it ends.
fn ended<T: Send + 'static>(thread: JoinHandle<T>) -> T {
    let (tell, told) = channel();
    std::thread::spawn(move || tell.send(thread.join()));
    let done = told.recv_timeout(PATIENCE).expect("nobody waits for ever");
    done.expect("it does not fail")
}

/// Keeps an instance busy with so many rounds.
fn keep_busy(server: &Server, instance: usize, rounds: &'static str) -> JoinHandle<Answer> {
    let busy = beside(server, move |client| {
        let id = json!({"effective_principal": "None", "message_id": text(&[7; 32])});
        let headers = [
            ("content-type", "application/json"),
            ("drun-await-rounds", rounds),
        ];
        let path = format!("/instances/{instance}/update/await_ingress_message");
        client.send("POST", &path, &headers, id.to_string().as_bytes())
    });
    let mut client = server.client();
    let begun = Instant::now();
    while client.get("/instances").json()[instance] == "Available" {
        assert!(begun.elapsed() < PATIENCE, "it is not busy");
        std::thread::sleep(Duration::from_millis(1));
    }
    busy
}

#[test]
fn who_looks_at_a_busy_instance_that_is_to_go_on_by_itself_holds_up_nobody() {
    let mut server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let busy = keep_busy(&server, instance, "4000000");
    let mut waiting: Vec<_> = (0..3)
        .map(|_| {
            beside(&server, move |client| {
                let page = client.get(&format!("/instances/{instance}/_/dashboard"));
                page.status
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(20));
    waiting.push(beside(&server, move |client| {
        let path = format!("/instances/{instance}/auto_progress");
        client.post(&path, &json!({})).status
    }));
    std::thread::sleep(Duration::from_millis(20));
    waiting.push(beside(&server, |client| {
        client.get("/api/v2/status").status
    }));
    std::thread::sleep(Duration::from_millis(20));
    // Another instance is made meanwhile, though the first one is waited for.
    let made = ended(beside(&server, |client| client.application()));
    assert_eq!(made, 1);
    assert!(!busy.is_finished(), "it was busy all the time");
    assert_eq!(ended(busy).status, 400, "it has waited for nothing");
    for thread in waiting {
        assert_eq!(ended(thread), 200);
    }
    let sent = Command::new("kill")
        .args(["-TERM", &server.child.id().to_string()])
        .status();
    assert!(sent.expect("kill is there").success());
    assert_eq!(server.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_message_that_nobody_has_sent_is_not_waited_for() {
    let server = Server::start();
    let mut client = server.client();
    let instance = client.application();
    let path = format!("/instances/{instance}");
    client.ask(&format!("{path}/auto_progress"), &json!({}));
    let awaited = beside(&server, move |client| {
        let id = json!({"effective_principal": "None", "message_id": text(&[7; 32])});
        client.post(&format!("{path}/update/await_ingress_message"), &id)
    });
    let awaited = ended(awaited);
    assert_eq!(awaited.status, 400);
    assert!(awaited.message().contains("after 100 rounds"));
}
