//! HTTP: listening, connections, and the end of a server. What a request means is decided in `routes` and `app`.

mod app;
mod base64;
mod body;
mod log;
mod metrics;
mod request;
mod response;
mod routes;
mod scheduler;

use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

pub use app::{Answer, App};
pub use log::Log;
use routes::Routes;

use crate::config::{Config, Level, milliseconds};

/// Time for the head of a request to arrive.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// Time for cancelled jobs to end and for their answers to be sent.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
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

    let connections = Connections {
        routes: Arc::new(Routes::new(app.clone())),
        open: Arc::default(),
        closing: watch::channel(false).0,
    };
    let mut record = tokio::time::interval(RECORD_PERIOD);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => connections.serve(stream),
                Err(error) => {
                    app.log.write(Level::Warn, "accept", json!({"error": error.to_string()}));
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            _ = record.tick() => app.write_record(),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }

    app.drain();
    app.log.write(Level::Info, "shutting down", json!({}));
    let second = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::select! {
        () = second => std::process::exit(INTERRUPTED),
        () = connections.finish(&app, &listener) => {}
    }
    app.write_record();
    Ok(())
}

/// The open connections.
struct Connections {
    routes: Arc<Routes>,
    open: Arc<AtomicUsize>,
    closing: watch::Sender<bool>,
}

impl Connections {
    fn serve(&self, stream: TcpStream) {
        // Without it small answers may wait for each other; an error shows in the next read.
        let _ = stream.set_nodelay(true);
        let (routes, open) = (self.routes.clone(), self.open.clone());
        let mut closing = self.closing.subscribe();
        open.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let routes = routes.clone();
                async move { Ok::<_, Infallible>(routes.handle(request).await) }
            });
            let mut builder = auto::Builder::new(TokioExecutor::new());
            builder
                .http1()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_PATIENCE);
            builder.http2().timer(TokioTimer::new());
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            let closed = async {
                // The sender outlives every connection; whatever is said means the end.
                let _ = closing.wait_for(|closing| *closing).await.is_ok();
            };
            tokio::select! {
                // How a connection ends is its client's affair.
                _ = connection.as_mut() => {}
                () = closed => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.as_mut().await;
                }
            }
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }

    /// Lets jobs and answers end, and tells new clients that there is nothing to be had.
    async fn finish(&self, app: &App, listener: &TcpListener) {
        let refuse = async {
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    self.serve(stream);
                }
            }
        };
        let finish = async {
            until(app.config.shutdown_grace, || app.is_idle()).await;
            app.cancel_all();
            until(LAST_ANSWERS, || app.is_idle()).await;
            self.closing.send_replace(true);
            until(LAST_ANSWERS, || self.open.load(Ordering::SeqCst) == 0).await;
        };
        tokio::select! {
            () = refuse => {}
            () = finish => {}
        }
    }
}

/// Waits for something, at most for a time.
async fn until(limit: Duration, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() && started.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
