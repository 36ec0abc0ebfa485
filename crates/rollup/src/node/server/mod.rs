//! The node over HTTP: listening, connections, access rules. What a request means is decided in [`routes`].

pub mod access;
mod answer;
mod batcher;
mod blocks;
mod metrics;
mod openapi;
mod query;
mod routes;
mod sandbox;
mod service;

use crate::say::say;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN,
};
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

use answer::{Refusal, Reply};
use service::Asked;

pub use openapi::document as openapi;
pub use service::Service;

/// The largest body of a request.
const MAX_BODY: usize = 64 << 20;

/// Binds a port.
///
/// # Errors
/// If it cannot be had.
pub async fn bind(address: &str, port: u16) -> Result<TcpListener, String> {
    let host = address.trim_matches(['[', ']']);
    TcpListener::bind((host, port))
        .await
        .map_err(|error| format!("cannot listen on {address}:{port}: {error}"))
}

/// Answers whoever comes, until the future is dropped.
pub async fn serve(service: Arc<Service>, listener: TcpListener) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Too many files are open, for instance: that passes.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        // Without it small answers may wait for each other.
        let _ = stream.set_nodelay(true);
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let service = Arc::clone(&service);
                async move { Ok::<_, Infallible>(service.answer(peer.ip(), request).await) }
            });
            // How a connection ends is its client's affair.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

/// Answers with metrics only, on a port of its own.
pub async fn serve_metrics(service: Arc<Service>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let answer = service_fn(move |request: Request<Incoming>| {
                let reply = match request.uri().path() {
                    "/metrics" => answer::plain(
                        "text/plain; version=0.0.4",
                        metrics::metrics(&service).into_bytes(),
                    ),
                    _ => answer::empty(StatusCode::NOT_FOUND),
                };
                async move { Ok::<_, Infallible>(reply) }
            });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

/// Prints the names of all metrics with their meanings.
///
/// # Errors
/// If they cannot be written.
pub fn list_metrics() -> Result<(), String> {
    for (name, kind, help) in metrics::METRICS {
        say!(
            "# HELP octez_sc_rollup_node_{name} {help}\n# TYPE octez_sc_rollup_node_{name} {kind}"
        )?;
    }
    Ok(())
}

/// Prints the same as a table with commas.
///
/// # Errors
/// If they cannot be written.
pub fn dump_metrics() -> Result<(), String> {
    say!("metric,type,description")?;
    for (name, kind, help) in metrics::METRICS {
        say!("octez_sc_rollup_node_{name},{kind},{help}")?;
    }
    Ok(())
}

impl Service {
    async fn answer(self: Arc<Self>, peer: IpAddr, request: Request<Incoming>) -> Reply {
        let origin = request.headers().get(ORIGIN).cloned();
        let mut reply = if request.method() == Method::OPTIONS {
            answer::empty(StatusCode::OK)
        } else {
            match self.asked(peer, request).await {
                Ok(asked) => routes::route(&self, asked)
                    .await
                    .unwrap_or_else(Reply::from),
                Err(refusal) => refusal.into(),
            }
        };
        self.allow_origin(origin, &mut reply);
        reply
    }

    /// Lets web pages of known origins read the answer.
    fn allow_origin(&self, origin: Option<HeaderValue>, reply: &mut Reply) {
        let settings = &self.node.settings;
        let Some(origin) = origin else { return };
        let known = settings
            .cors_origins
            .iter()
            .any(|known| known == "*" || known.as_bytes() == origin.as_bytes());
        if !known {
            return;
        }
        let headers = reply.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, DELETE, OPTIONS"),
        );
        if let Ok(allowed) = HeaderValue::from_str(&settings.cors_headers.join(", ")) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
    }

    async fn asked(&self, peer: IpAddr, request: Request<Incoming>) -> Result<Asked, Refusal> {
        let (head, body) = request.into_parts();
        let mut path = Vec::new();
        for step in head.uri.path().split('/').filter(|step| !step.is_empty()) {
            path.push(query::decoded(step).ok_or_else(|| {
                Refusal::Request(format!("Failed to parsed an argument in path: \"{step}\""))
            })?);
        }
        if !access::allowed(&self.node.settings.acl, peer, &head.method, &path) {
            return Err(Refusal::Forbidden(format!(
                "Access denied to: /{}",
                path.join("/")
            )));
        }
        negotiate(&path, &head.headers)?;
        let query = query::Query::parse(head.uri.query().unwrap_or_default())?;
        let body = Limited::new(body, MAX_BODY)
            .collect()
            .await
            .map_err(|error| {
                Refusal::Request(format!("Failed to parse the request body: {error}"))
            })?
            .to_bytes();
        Ok(Asked {
            method: head.method,
            path,
            query,
            body,
        })
    }
}

/// Refuses who takes no JSON, and bodies that say they are something else. Our own services are not that strict, so that
/// they can be asked by hand.
fn negotiate(path: &[String], headers: &HeaderMap) -> Result<(), Refusal> {
    let strict = [
        "global", "local", "admin", "stats", "config", "health", "version", "ping",
    ];
    if !path
        .first()
        .is_some_and(|step| strict.contains(&step.as_str()))
    {
        return Ok(());
    }
    let kinds = |name| {
        let values = headers.get_all(name).into_iter();
        values
            .filter_map(|value: &HeaderValue| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|kind| kind.split(';').next().unwrap_or_default().trim())
            .filter(|kind| !kind.is_empty())
            .map(str::to_ascii_lowercase)
            .collect::<Vec<_>>()
    };
    let accepted = kinds(ACCEPT);
    let json = ["*/*", "application/*", "application/json"];
    if !accepted.is_empty() && !accepted.iter().any(|kind| json.contains(&kind.as_str())) {
        return Err(Refusal::NotAcceptable);
    }
    if kinds(CONTENT_TYPE)
        .iter()
        .any(|kind| kind != "application/json")
    {
        return Err(Refusal::MediaType);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{CONTENT_TYPE, HeaderMap, HeaderValue, negotiate};
    use hyper::header::ACCEPT;

    #[test]
    fn only_json_is_spoken_on_the_real_paths() {
        let ask = |path: &str, accept: &'static str, content: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
            let path: Vec<String> = path.split('/').map(str::to_owned).collect();
            negotiate(&path, &headers).is_ok()
        };
        let json = "application/json";
        assert!(ask(
            "local/batcher/injection",
            "*/*",
            "application/json; charset=utf-8"
        ));
        assert!(ask(
            "global/tezos_level",
            "text/html, application/*;q=0.8",
            json
        ));
        assert!(!ask("global/tezos_level", "text/html", json));
        assert!(!ask("local/batcher/injection", json, "text/plain"));
        assert!(ask(
            "sandbox/bake",
            "text/html",
            "application/x-www-form-urlencoded"
        ));
    }
}
