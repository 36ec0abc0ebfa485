//! HTTP: listening, connections, and the end of a server. What a request means is decided in `routes` and `app`.

mod account;
mod app;
mod base64;
mod body;
mod connections;
mod log;
mod metrics;
mod request;
mod response;
mod routes;
mod scheduler;

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

pub use app::{Answer, App};
use connections::Connections;
pub use log::Log;
use routes::Routes;

use crate::config::{Config, Level, milliseconds};
use crate::json::Object;

/// Time for cancelled jobs to end and for their answers to be sent.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// After a connection that could not be taken.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
/// How often recorded answers are written.
const RECORD_PERIOD: Duration = Duration::from_secs(10);
/// Exit code after a second signal.
const INTERRUPTED: i32 = 130;

/// Serves until a signal ends it; all jobs have their answers then, or a grace is over.
///
/// # Errors
/// If it cannot begin, for the operator.
pub async fn serve(config: Config) -> Result<(), String> {
    let address = format!("{}:{}", config.host, config.port);
    let listener = TcpListener::bind(&address)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => format!("cannot listen on {address}: address in use"),
            _ => format!("cannot listen on {address}: {error}"),
        })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let app = Arc::new(App::new(config)?);
    let config = &app.config;
    let announcement = format!(
        "listening on http://{address} (wasm: {} concurrent, {} MiB, {} ms)\n",
        config.max_concurrency,
        config.max_memory_bytes >> 20,
        milliseconds(config.max_timeout),
    );
    // A closed standard output is no reason not to serve.
    let _ = std::io::stdout().write_all(announcement.as_bytes());
    let _ = std::io::stdout().flush();

    let connections = Connections::new(Routes::new(app.clone()));
    let mut record = tokio::time::interval(RECORD_PERIOD);
    loop {
        tokio::select! {
            error = connections.accept(&listener) => {
                let members = Object::new().with("error", error.to_string());
                app.log.write(Level::Warn, "accept", &members);
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
            _ = record.tick() => app.write_record(),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }

    app.drain();
    app.log.write(Level::Info, "shutting down", &Object::new());
    let second = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::select! {
        () = second => std::process::exit(INTERRUPTED),
        () = finish(&app, &connections, &listener) => {}
    }
    app.write_record();
    Ok(())
}

/// Lets jobs and answers end, and tells new clients that there is nothing to be had.
async fn finish(app: &App, connections: &Connections, listener: &TcpListener) {
    let refuse = async {
        loop {
            connections.accept(listener).await;
            tokio::time::sleep(ACCEPT_AGAIN).await;
        }
    };
    let finish = async {
        until(app.config.shutdown_grace, || app.is_idle()).await;
        app.cancel_all();
        until(LAST_ANSWERS, || app.is_idle()).await;
        connections.close();
        until(LAST_ANSWERS, || connections.have_ended()).await;
    };
    tokio::select! {
        () = refuse => {}
        () = finish => {}
    }
}

/// Waits for something, at most for a time.
async fn until(limit: Duration, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() && started.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
