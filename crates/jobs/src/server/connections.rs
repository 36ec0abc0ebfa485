//! The open connections: how many there may be, how long one of them may do nothing, and their end. What is said on
//! them is the affair of `routes`.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::routes::Routes;

/// Time for the head of a request to arrive.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// How long a connection may be without a request, be it before the first one, between two of them, or because its
/// client does not read an answer.
const IDLE: Duration = Duration::from_secs(60);
/// The same while more than half of all connections are taken.
const IDLE_CROWDED: Duration = Duration::from_secs(1);
/// The same for one that comes when all others were told to end.
const LATE: Duration = Duration::from_secs(1);
/// How often that is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// A connection whose first bytes do not tell the protocol is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
/// Bytes of a head. One that is longer is answered 431.
const MAX_HEAD: usize = 64 << 10;
const MAX_HEAD_LIST: u32 = 64 << 10;
/// Requests at once on one connection of HTTP/2.
const MAX_STREAMS: u32 = 100;
/// Connections where the system does not say how many descriptors there may be, and most of them anyway.
const USUAL: usize = 1024;
const MOST: usize = 10_000;

/// The open connections of a server.
pub(super) struct Connections {
    routes: Arc<Routes>,
    most: usize,
    room: Arc<Semaphore>,
    /// Every connection has a receiver.
    closing: watch::Sender<bool>,
}

impl Connections {
    /// None yet.
    pub(super) fn new(routes: Routes) -> Self {
        let most = most();
        Connections {
            routes: Arc::new(routes),
            most,
            room: Arc::new(Semaphore::new(most)),
            closing: watch::channel(false).0,
        }
    }

    /// Whether none is open.
    pub(super) fn have_ended(&self) -> bool {
        self.closing.receiver_count() == 0
    }

    /// Tells all of them to end after the answers that are under way.
    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Takes new connections as long as there are any; returns what went wrong with one.
    pub(super) async fn accept(&self, listener: &TcpListener) -> std::io::Error {
        loop {
            let Ok(place) = self.room.clone().acquire_owned().await else {
                return std::io::Error::other("no connections any more");
            };
            match listener.accept().await {
                Ok((stream, _)) => self.serve(stream, place),
                Err(error) => return error,
            }
        }
    }

    fn serve(&self, stream: TcpStream, place: OwnedSemaphorePermit) {
        // Without it small answers may wait for each other; an error shows in the next read.
        let _ = stream.set_nodelay(true);
        let routes = self.routes.clone();
        let activity = Arc::new(Activity::default());
        let silent = self.silent(activity.clone());
        let closing = Closing {
            late: *self.closing.borrow(),
            told: self.closing.subscribe(),
        };
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let (routes, busy) = (routes.clone(), activity.begin());
                async move {
                    let answer = routes.handle(request).await;
                    drop(busy);
                    Ok::<_, Infallible>(answer)
                }
            });
            let spoken = async {
                match speaks_http2(&stream, closing.clone()).await {
                    None => {}
                    Some(false) => {
                        let mut http = http1();
                        let http = http.keep_alive(!closing.late);
                        let connection = http.serve_connection(TokioIo::new(stream), service);
                        let connection = std::pin::pin!(connection);
                        until_closed(connection, http1::Connection::graceful_shutdown, closing)
                            .await;
                    }
                    Some(true) => {
                        // Much larger than the other one, and much rarer.
                        let connection = http2().serve_connection(TokioIo::new(stream), service);
                        let mut connection = Box::pin(connection);
                        let connection = connection.as_mut();
                        until_closed(connection, http2::Connection::graceful_shutdown, closing)
                            .await;
                    }
                }
            };
            tokio::select! {
                () = spoken => {}
                () = silent => {}
            }
            drop(place);
        });
    }

    /// Ends when a connection has done nothing for too long.
    fn silent(&self, activity: Arc<Activity>) -> impl Future<Output = ()> + Send + use<> {
        let (room, most) = (self.room.clone(), self.most);
        async move {
            loop {
                tokio::time::sleep(LOOK).await;
                let patience = match room.available_permits() < most / 2 {
                    true => IDLE_CROWDED,
                    false => IDLE,
                };
                if activity.idle() >= patience {
                    return;
                }
            }
        }
    }
}

/// Whether a connection begins as one of HTTP/2; nothing if it ends before that. Looks without reading, so that nothing
/// has to be kept for whoever reads.
async fn speaks_http2(stream: &TcpStream, closing: Closing) -> Option<bool> {
    const PREFACE: &[u8] = b"PRI";
    let mut seen = [0; PREFACE.len()];
    let mut closed = std::pin::pin!(closing.said());
    loop {
        let seen = tokio::select! {
            count = stream.peek(&mut seen) => &seen[..count.ok()?],
            () = closed.as_mut() => return None,
        };
        if seen.is_empty() {
            return None;
        }
        if !PREFACE.starts_with(seen) || seen.len() == PREFACE.len() {
            return Some(seen == PREFACE);
        }
        // "P" may be the beginning of anything, and would be seen again at once.
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// How a connection is told to end.
#[derive(Clone)]
struct Closing {
    told: watch::Receiver<bool>,
    /// Whether it is one that came afterwards.
    late: bool,
}

impl Closing {
    /// Ends when the connection shall. One that is late is heard all the same, so that its client is told why there is
    /// nothing to be had.
    async fn said(mut self) {
        if self.late {
            return tokio::time::sleep(LATE).await;
        }
        // The sender outlives every connection; whatever is said means the end.
        let _ = self.told.wait_for(|closing| *closing).await.is_ok();
    }
}

fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(MAX_HEAD);
    builder
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD_LIST)
        .max_concurrent_streams(MAX_STREAMS);
    builder
}

/// A connection to its end. How it ends is its client's affair.
async fn until_closed<C: Future>(
    mut connection: Pin<&mut C>,
    shut_down: fn(Pin<&mut C>),
    closing: Closing,
) {
    tokio::select! {
        _ = connection.as_mut() => {}
        () = closing.said() => {
            shut_down(connection.as_mut());
            let _ = connection.await;
        }
    }
}

/// What one connection does.
struct Activity {
    requests: AtomicUsize,
    since: Mutex<Instant>,
}

impl Default for Activity {
    fn default() -> Self {
        Activity {
            requests: AtomicUsize::new(0),
            since: Mutex::new(Instant::now()),
        }
    }
}

impl Activity {
    /// A request is there, until what is returned is dropped.
    fn begin(self: &Arc<Self>) -> Busy {
        self.requests.fetch_add(1, Ordering::SeqCst);
        Busy(self.clone())
    }

    /// How long there has been no request.
    fn idle(&self) -> Duration {
        match self.requests.load(Ordering::SeqCst) {
            0 => self.lock().elapsed(),
            _ => Duration::ZERO,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.lock() = Instant::now();
        self.0.requests.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How many connections there may be: three quarters of the descriptors, the rest is for files and nodes.
fn most() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft = limits.lines().find_map(|line| {
        let values = line.strip_prefix("Max open files")?;
        values.split_whitespace().next()?.parse::<usize>().ok()
    });
    (soft.unwrap_or(USUAL) / 4 * 3).clamp(8, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};
    use crate::server::App;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[test]
    fn connections_end_and_late_ones_are_told_why() {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime.enable_all().build().unwrap().block_on(async {
            let mut sources = Sources::default();
            let settings = ["MODULE_DISK_CACHE_BYTES", "INSTANCE_POOL"];
            sources.add(settings.map(|key| (key.to_owned(), "0".to_owned())));
            let app = Arc::new(App::new(Config::new(&sources).unwrap()).unwrap());
            let connections = Connections::new(Routes::new(app.clone()));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let client = async {
                // One is always ready to be taken, and is none.
                assert!(connections.have_ended());
                let mut idle = TcpStream::connect(address).await.unwrap();
                while connections.have_ended() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                app.drain();
                connections.close();
                assert_eq!(idle.read(&mut [0; 1]).await.unwrap_or(0), 0);
                let mut late = TcpStream::connect(address).await.unwrap();
                let request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
                late.write_all(request).await.unwrap();
                let mut answer = String::new();
                late.read_to_string(&mut answer).await.unwrap();
                assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
                while !connections.have_ended() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            tokio::select! {
                error = connections.accept(&listener) => panic!("{error}"),
                () = client => {}
            }
        });
    }
}
