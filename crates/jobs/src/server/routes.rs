//! The routes: from a request of HTTP to an answer of HTTP. Every answer but the metrics is JSON, errors included.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{
    ALLOW, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::app::{Answer, App, usual_kind};
use super::body::{Arriving, Bodies};
use super::request::{check_hash, check_size, hash_from_text};
use crate::config::milliseconds;
use crate::engine::Hash;
use crate::failure::{Code, Failure};
use crate::job::Deadline;
use crate::json::Object;
use crate::modules::{Found, hash_of, unknown};
use crate::rpc::{Answers, RpcError, Session, Terms, error_answer};

/// Description of all routes.
const OPENAPI: &str = include_str!("openapi.json");
const MODULES: &str = "/wasm/modules";
/// Requests to `/rpc/proxy` that are passed on at once.
const MAX_PROXIED: usize = 64;
/// The release line of the engine, as Cargo.toml has it.
const WASMTIME: &str = "48";

type HttpAnswer = Response<Full<Bytes>>;

/// The routes of a server.
pub(super) struct Routes {
    pub(super) app: Arc<App>,
    bodies: Bodies,
    /// Each request that is passed on has a thread while it waits.
    proxied: Semaphore,
}

impl Routes {
    /// The routes of an app.
    pub(super) fn new(app: Arc<App>) -> Self {
        Routes {
            bodies: Bodies::new(app.config.max_body_bytes),
            proxied: Semaphore::new(MAX_PROXIED),
            app,
        }
    }

    /// Answers a request.
    pub(super) async fn handle(&self, request: Request<Incoming>) -> HttpAnswer {
        let (head, body) = request.into_parts();
        let mut body = Arriving::new(body);
        let (method, version) = (head.method.clone(), head.version);
        let mut answer = self.answer(head, &mut body).await;
        // In older versions the library does so.
        if method == Method::HEAD && version >= Version::HTTP_2 {
            let length = HeaderValue::from(answer.body().size_hint().lower());
            answer.headers_mut().insert(CONTENT_LENGTH, length);
            *answer.body_mut() = Full::default();
        }
        if !body.is_whole() {
            // A request of HTTP/2 ends by itself.
            if version < Version::HTTP_2 {
                let close = HeaderValue::from_static("close");
                answer.headers_mut().insert(CONNECTION, close);
            }
            tokio::spawn(body.throw_away());
        }
        answer
    }

    async fn answer(&self, head: Parts, body: &mut Arriving) -> HttpAnswer {
        let path = head.uri.path().to_owned();
        if let Err(failure) = self.authorize(&path, &head.headers) {
            return self.failure(&failure);
        }
        let Parts {
            method, headers, ..
        } = head;
        let allowed: &[Method] = match path.as_str() {
            "/wasm/run" | "/run" | MODULES | "/rpc/proxy" => &[Method::POST],
            "/wasm/health" | "/health" | "/metrics" | "/limits" | "/version" | "/openapi.json" => {
                &[Method::GET, Method::HEAD]
            }
            _ if module_of(&path).is_some() => {
                &[Method::GET, Method::HEAD, Method::PUT, Method::DELETE]
            }
            _ => {
                let body = Object::new()
                    .with("ok", false)
                    .with("error", "not found")
                    .with("code", "not_found")
                    .with("path", &path);
                return json_answer(404, body.text());
            }
        };
        if !allowed.contains(&method) {
            let mut answer =
                self.failure(&Failure::new(Code::MethodNotAllowed, "method not allowed"));
            let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
            if let Ok(names) = HeaderValue::from_str(&names.join(", ")) {
                answer.headers_mut().insert(ALLOW, names);
            }
            return answer;
        }
        let (status, text) = match path.as_str() {
            "/wasm/run" | "/run" => self.run(headers, body).await,
            "/wasm/health" => self.health(Object::new().with("ok", true)),
            "/health" => self.health(
                Object::new()
                    .with("ok", true)
                    .with("service", "wasm-sandbox"),
            ),
            "/metrics" => return metrics_answer(self.app.metrics_text()),
            "/limits" => (200, self.app.limits()),
            "/version" => (200, self.version()),
            "/openapi.json" => (
                200,
                OPENAPI.replace("{{version}}", env!("CARGO_PKG_VERSION")),
            ),
            "/rpc/proxy" => self.rpc(headers, body).await,
            MODULES => self.upload(None, headers, body).await,
            path => {
                let name = module_of(path).unwrap_or_default();
                self.module(name, &method, headers, body).await
            }
        };
        let mut answer = json_answer(status, text);
        if status == 429 {
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }

    fn authorize(&self, path: &str, headers: &HeaderMap) -> Result<(), Failure> {
        let config = &self.app.config;
        let token = match path {
            "/wasm/health" | "/health" => None,
            "/metrics" => config.metrics_token.as_ref(),
            _ => config.api_token.as_ref(),
        };
        let Some(token) = token else {
            return Ok(());
        };
        let given = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let given = given
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
            .map_or("", |(_, token)| token);
        // Digests are compared, so that the time tells nothing about the token.
        match Sha256::digest(given) == Sha256::digest(token) {
            true => Ok(()),
            false => Err(Failure::new(Code::Unauthorized, "missing or wrong token")),
        }
    }

    async fn run(&self, headers: HeaderMap, body: &mut Arriving) -> Answer {
        let json = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|kind| {
                let kind = kind
                    .split(';')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_ascii_lowercase();
                kind == "application/json" || kind.ends_with("+json")
            });
        if let Err(failure) = self.bodies.check_announced(body) {
            return self.app.refuse(None, failure);
        }
        if !json {
            let details = vec!["content type must be application/json".into()];
            return self.app.refuse(None, Failure::bad_request(details));
        }
        // In a box, which is gone when the body is there: a job that waits needs no room for what reads bodies.
        match Box::pin(self.bodies.read(headers, body)).await {
            Ok((body, _memory)) => self.app.run_body(body).await,
            Err(failure) => self.app.refuse(None, failure),
        }
    }

    fn health(&self, healthy: Object) -> Answer {
        match self.app.is_draining() {
            true => {
                let draining = Object::new().with("ok", false).with("draining", true);
                (503, draining.text())
            }
            false => (200, healthy.text()),
        }
    }

    fn version(&self) -> String {
        Object::new()
            .with("version", env!("CARGO_PKG_VERSION"))
            .with("wasmtime", WASMTIME)
            .with("compat", self.app.config.compat)
            .text()
    }

    async fn rpc(&self, headers: HeaderMap, body: &mut Arriving) -> Answer {
        let body = match self.bodies.read(headers, body).await {
            Ok((body, _memory)) => body,
            Err(failure) => return self.failed(failure),
        };
        let Ok(_turn) = self.proxied.acquire().await else {
            return self.failed(Failure::new(Code::Internal, "no requests any more"));
        };
        let service = self.app.rpc.clone();
        let time = service.limits.timeout + Duration::from_secs(1);
        let answered = tokio::task::spawn_blocking(move || {
            let terms = Terms {
                calls: u64::MAX,
                ..Terms::default()
            };
            let mut deadline = Deadline::new(time, Arc::default(), None);
            Session::new(service, terms).answer(&body, &mut deadline)
        });
        let error = match answered.await {
            Ok(Ok(answer)) => return (200, answer),
            Ok(Err(stop)) => stop.to_string(),
            Err(error) => self.app.internal(&error.to_string()),
        };
        let error = RpcError::new(-32000, "RPC proxy error", error);
        (500, error_answer(Some(RawValue::NULL), &error))
    }

    async fn module(
        &self,
        name: &str,
        method: &Method,
        headers: HeaderMap,
        body: &mut Arriving,
    ) -> Answer {
        let hash = match hash_from_text(name) {
            Ok(hash) => hash,
            Err(failure) => return self.failed(failure),
        };
        match *method {
            Method::PUT => self.upload(Some(hash), headers, body).await,
            Method::DELETE => {
                self.app.modules.forget(&hash);
                (204, String::new())
            }
            _ if !self.app.modules.knows(&hash) => self.failed(unknown(&hash)),
            _ => {
                let found = self.found(hash, None).await;
                // Its jobs may name an entry.
                self.described(found.map(|found| {
                    let entry = found.module.entry(None, false).ok();
                    (200, found, entry.map(|(entry, _)| entry))
                }))
            }
        }
    }

    async fn upload(
        &self,
        expected: Option<Hash>,
        headers: HeaderMap,
        body: &mut Arriving,
    ) -> Answer {
        let (wasm, _memory) = match self.bodies.read(headers, body).await {
            Ok(read) => read,
            Err(failure) => return self.failed(failure),
        };
        let bytes = wasm.clone();
        // Ten megabytes take a while; connections are served meanwhile.
        let hash = match tokio::task::spawn_blocking(move || hash_of(&bytes)).await {
            Ok(hash) => hash,
            Err(error) => {
                return self.failed(Failure::new(Code::Internal, format!("hashing: {error}")));
            }
        };
        let checked =
            check_size(wasm.len(), &self.app.config).and_then(|()| check_hash(&hash, expected));
        if let Err(failure) = checked {
            return self.failed(failure);
        }
        let status = if self.app.modules.knows(&hash) {
            200
        } else {
            201
        };
        let found = self.found(hash, Some(wasm)).await;
        self.described(found.and_then(|found| {
            let (entry, _) = found.module.entry(None, false)?;
            Ok((status, found, Some(entry)))
        }))
    }

    /// A module, made ready for what most jobs need.
    async fn found(&self, hash: Hash, wasm: Option<Bytes>) -> Result<Found, Failure> {
        let kind = usual_kind(&self.app.config);
        self.app.modules.get(hash, kind, wasm).await
    }

    /// What is known about a module.
    fn described(&self, found: Result<(u16, Found, Option<String>), Failure>) -> Answer {
        match found {
            Ok((status, found, entry)) => {
                let facts = &found.module.facts;
                let body = Object::new()
                    .with("hash", hex::encode(found.module.hash))
                    .with("bytes", facts.bytes)
                    .with("entry", entry)
                    .with("imports", &facts.imports)
                    .with("compileMs", milliseconds(found.module.compile_time));
                (status, body.text())
            }
            Err(failure) => {
                let status = match failure.code {
                    Code::CompileTimeout => 503,
                    code if code.status() == 200 => 422,
                    code => code.status(),
                };
                let (_, body) = self.failed(failure);
                (status, body)
            }
        }
    }

    fn failed(&self, mut failure: Failure) -> Answer {
        if failure.code == Code::Internal {
            failure.error = self.app.internal(&failure.error);
        }
        let mut body = Object::new()
            .with("ok", false)
            .with("error", &failure.error)
            .with("code", failure.code);
        if !failure.details.is_empty() {
            body = body.with("details", &failure.details);
        }
        (failure.code.status(), body.text())
    }

    fn failure(&self, failure: &Failure) -> HttpAnswer {
        let (status, body) = self.failed(failure.clone());
        json_answer(status, body)
    }
}

/// The last part of the path of a module.
fn module_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix(MODULES)?.strip_prefix('/')?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

fn json_answer(status: u16, body: String) -> HttpAnswer {
    let empty = body.is_empty();
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !empty {
        answer
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    } else if status != 204 {
        answer
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    answer
}

fn metrics_answer(text: String) -> HttpAnswer {
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
