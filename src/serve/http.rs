//! HTTP: listening, connections, bodies. The only place with async code beside `outbound`; what a request means is decided in `routes`.
//! A connection has a thread of its own, which may block and has room for the stacks of canisters: handing a request to another thread
//! and its answer back takes longer than most requests do.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::answer::{Answer, Refusal};
use super::request::{Method, Request};

/// Asks for the name of an operation after so many milliseconds (pocket-ic-api.md 2.3).
const TIMEOUT_HEADER: &str = "processing-timeout-ms";
/// Time for the head of a request to arrive.
const HEAD_PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a body that is too large, beyond which nobody waits for its end any more.
const MAX_WASTE: usize = 64 << 20;

/// What answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers one; may block.
    fn handle(self: Arc<Self>, request: Request) -> Answer;
    /// Bytes that the body of a request for this path may have, and what who sends more is told; none for any number.
    fn body_limit(&self, path: &str) -> Option<(usize, Answer)>;
    /// A request begins; what is returned lives as long as it.
    fn begin(&self) -> Box<dyn Send>;
    /// A name for a request for this path, if it takes too long; nothing for one that is waited for, however long it takes.
    fn postpone(self: Arc<Self>, path: &str) -> Option<Postponed>;
}

/// A request that its client does not wait for.
pub(crate) struct Postponed {
    /// What the client is told instead.
    pub(crate) told: Answer,
    /// Where its own answer is to be kept.
    pub(crate) keep: Box<dyn FnOnce(Answer) + Send>,
}

/// Accepts connections for ever, over TLS if there is a certificate to show. When this is dropped, its connections end with the request
/// under way.
pub(crate) async fn accept<H: Handler>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    handler: Arc<H>,
) {
    let (_open, end) = watch::channel(());
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connect(stream, tls.clone(), Arc::clone(&handler), end.clone()),
            // No descriptor is free, perhaps; there will be one.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Gives a connection its thread.
fn connect<H: Handler>(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    handler: Arc<H>,
    end: watch::Receiver<()>,
) {
    // Without it small answers wait for each other; an error shows in the next read.
    let _ = stream.set_nodelay(true);
    let Ok(stream) = stream.into_std() else {
        return;
    };
    let server = Handle::current();
    tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else {
            return;
        };
        runtime.block_on(async {
            let Ok(stream) = TcpStream::from_std(stream) else {
                return;
            };
            match tls {
                None => converse(stream, handler, server, end).await,
                Some(tls) => {
                    let accepted = tokio::time::timeout(HEAD_PATIENCE, tls.accept(stream)).await;
                    // Who does not like our certificate is gone.
                    if let Ok(Ok(stream)) = accepted {
                        converse(stream, handler, server, end).await;
                    }
                }
            }
        });
    });
}

/// Answers the requests of a connection, until nobody is at the other side of `end` any more.
async fn converse<H: Handler>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    handler: Arc<H>,
    server: Handle,
    mut end: watch::Receiver<()>,
) {
    let service = service_fn(move |request| {
        let (handler, server) = (Arc::clone(&handler), server.clone());
        async move { Ok::<_, Infallible>(answer(handler, server, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // How a connection ends is its client's affair.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = end.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer<H: Handler>(
    handler: Arc<H>,
    server: Handle,
    request: hyper::Request<Incoming>,
) -> hyper::Response<Full<Bytes>> {
    let active = handler.begin();
    let limit = handler.body_limit(request.uri().path());
    let request = match read(request, limit).await {
        Ok(request) => request,
        Err(answer) => return response(answer),
    };
    let patience = request.header(TIMEOUT_HEADER);
    let patience = patience.and_then(|value| value.parse().ok());
    let postponed = match patience.map(Duration::from_millis) {
        Some(patience) => Arc::clone(&handler)
            .postpone(&request.path)
            .map(|postponed| (patience, postponed)),
        None => None,
    };
    let Some((patience, Postponed { told, keep })) = postponed else {
        let answer = handled(handler, request);
        drop(active);
        return response(answer);
    };
    // The work outlives the connection, if need be.
    let mut work = server.spawn_blocking(move || {
        let answer = handled(handler, request);
        drop(active);
        answer
    });
    // Who has no patience at all is given a name whether the work has ended by now or not.
    let waited = match patience.is_zero() {
        true => None,
        false => tokio::time::timeout(patience, &mut work).await.ok(),
    };
    match waited {
        Some(done) => response(done.unwrap_or_else(|_| failed())),
        None => {
            server.spawn(async move { keep(work.await.unwrap_or_else(|_| failed())) });
            response(told)
        }
    }
}

fn handled<H: Handler>(handler: Arc<H>, request: Request) -> Answer {
    let answered = catch_unwind(AssertUnwindSafe(|| handler.handle(request)));
    answered.unwrap_or_else(|_| failed())
}

fn failed() -> Answer {
    Answer::from(Refusal::new(
        500,
        "the request has failed; please report it as a bug of drun",
    ))
}

async fn read(
    request: hyper::Request<Incoming>,
    limit: Option<(usize, Answer)>,
) -> Result<Request, Answer> {
    let (head, body) = request.into_parts();
    let method = match head.method {
        hyper::Method::GET | hyper::Method::HEAD => Method::Get,
        hyper::Method::POST => Method::Post,
        hyper::Method::DELETE => Method::Delete,
        hyper::Method::OPTIONS => Method::Options,
        _ => Method::Other,
    };
    let body = match limit {
        None => whole(body).await?,
        Some((limit, answer)) => within(body, limit).await?.ok_or(answer)?,
    };
    let header = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    Ok(Request {
        method,
        verb: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers.iter().map(header).collect(),
        body,
    })
}

fn lost(error: impl std::fmt::Display) -> Answer {
    Answer::from(Refusal::bad(format!("the body did not arrive: {error}")))
}

async fn whole(body: Incoming) -> Result<Vec<u8>, Answer> {
    let body = body.collect().await.map_err(lost)?;
    Ok(body.to_bytes().into())
}

/// A body, if it has no more bytes than this. One that has is read to its end all the same: who still sends does not listen.
async fn within(mut body: Incoming, limit: usize) -> Result<Option<Vec<u8>>, Answer> {
    let (mut bytes, mut size) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(lost)?.into_data() else {
            continue;
        };
        size += data.len();
        if size <= limit {
            bytes.extend_from_slice(&data);
        } else {
            bytes = Vec::new();
        }
        if size > limit + MAX_WASTE {
            break;
        }
    }
    Ok((size <= limit).then_some(bytes))
}

fn response(answer: Answer) -> hyper::Response<Full<Bytes>> {
    let mut builder = hyper::Response::builder().status(answer.status);
    if let Some(kind) = answer.content.name() {
        builder = builder.header("content-type", kind);
    }
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    let built = builder.body(Full::new(Bytes::from(answer.body)));
    built.unwrap_or_else(|error| {
        let mut failed = hyper::Response::new(Full::new(Bytes::from(error.to_string())));
        *failed.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}
