//! HTTP gateways: what a browser asks for becomes calls of a canister's `http_request` (pocket-ic-api.md 2.8). Owns the addresses, the
//! calls, and what of their answers is passed on; whether an answer is to be believed is decided in `verify`.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use candid::types::Label;
use candid::types::value::{IDLArgs, IDLField, IDLValue};
use candid::{CandidType, Encode, Principal, idl_hash};
use drun_ic::answer::MessageResult;
use drun_ic::net::{Call, Effective};
use serde::Serialize;
use serde_bytes::ByteBuf;

use super::Server;
use super::answer::{Answer, Content, Outcome, Refusal, settled};
use super::create::GatewayInfo;
use super::http::{self, Handler};
use super::instance_routes::await_message;
use super::instances::Instance;
use super::request::Request;
use super::routes::AGENT_BODY;
use super::verify::{Answered, Asked, verify};
use super::wire::{ForwardTo, GatewayConfig, HttpsConfig};

/// Pieces of a streamed answer, at the most.
const MAX_PIECES: usize = 10_000;
/// Rounds that an update call of a gateway may take.
const ROUNDS: u64 = 100;

/// What a browser is shown in the place of an answer that does not pass.
const UNTRUSTED: &str = "503 - response verification error\nThe response from the canister failed verification and cannot be trusted.";

/// The gateways of a server.
#[derive(Default)]
pub(crate) struct Gateways(Mutex<Vec<Option<Running>>>);

struct Running {
    details: Details,
    task: tokio::task::AbortHandle,
}

/// What is told of a gateway.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Details {
    instance_id: usize,
    port: u16,
    forward_to: ForwardTo,
    domains: Option<Vec<String>>,
    https_config: Option<HttpsConfig>,
}

/// One gateway: to an instance of this server.
struct Gateway {
    server: Weak<Server>,
    instance: usize,
}

impl Gateways {
    /// Begins to listen.
    ///
    /// # Errors
    /// If the address is taken, or what is wished for is not there.
    pub(crate) fn start(
        &self,
        server: &Arc<Server>,
        config: &GatewayConfig,
    ) -> Result<GatewayInfo, Refusal> {
        let failed = |text: String| Refusal::new(502, text);
        let instance = match &config.forward_to {
            Some(ForwardTo::PocketIcInstance(id)) => *id,
            Some(ForwardTo::Replica(url)) => {
                return Err(failed(format!(
                    "error: upstream_error (gateways of this server forward to its own instances only, not to {url})"
                )));
            }
            None => return Err(failed("`forward_to` is missing".into())),
        };
        if config.https_config.is_some() {
            return Err(failed(
                "TLS config could not be created: gateways of this server speak HTTP only".into(),
            ));
        }
        server
            .instances
            .get(instance)
            .map_err(|refusal| failed(refusal.message))?;
        let address = config.ip_addr.as_deref().unwrap_or("127.0.0.1");
        let address: IpAddr = address
            .parse()
            .map_err(|_| failed(format!("Failed to parse {address:?} as an IP address")))?;
        let address = SocketAddr::new(address, config.port.unwrap_or(0));
        let bound = std::net::TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?.port(), listener))
        });
        let (port, listener) = bound
            .map_err(|error| failed(format!("Failed to bind to address {address}: {error}")))?;
        let gateway = Arc::new(Gateway {
            server: Arc::downgrade(server),
            instance,
        });
        let task = tokio::runtime::Handle::current().spawn(async move {
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                http::accept(listener, gateway).await;
            }
        });
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = all.len();
        all.push(Some(Running {
            details: Details {
                instance_id: id,
                port,
                forward_to: ForwardTo::PocketIcInstance(instance),
                domains: config.domains.clone(),
                https_config: None,
            },
            task: task.abort_handle(),
        }));
        Ok(GatewayInfo {
            instance_id: id,
            port,
        })
    }

    /// Those that run.
    pub(crate) fn list(&self) -> Vec<Details> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .flatten()
            .map(|running| running.details.clone())
            .collect()
    }

    /// Stops one, if it runs.
    pub(crate) fn stop(&self, id: usize) {
        self.stop_if(|place, _| place == id);
    }

    /// Stops those of an instance.
    pub(crate) fn stop_of(&self, instance: usize) {
        let forwards = |details: &Details| matches!(details.forward_to, ForwardTo::PocketIcInstance(id) if id == instance);
        self.stop_if(|_, details| forwards(details));
    }

    fn stop_if(&self, meant: impl Fn(usize, &Details) -> bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, gateway) in all.iter_mut().enumerate() {
            if gateway
                .as_ref()
                .is_some_and(|running| meant(place, &running.details))
                && let Some(running) = gateway.take()
            {
                running.task.abort();
            }
        }
    }
}

impl Handler for Gateway {
    fn handle(self: Arc<Self>, request: Request) -> Answer {
        let Some(server) = self.server.upgrade() else {
            return page(503, "error: upstream_error");
        };
        let path = request.path.as_str();
        let inner = match path.strip_prefix("/api/") {
            Some(rest) => Some(format!("/instances/{}/api/{rest}", self.instance)),
            None => path
                .strip_prefix("/_/")
                .map(|rest| format!("/instances/{}/_/{rest}", self.instance)),
        };
        if let Some(path) = inner {
            return server.handle(Request { path, ..request });
        }
        match server.instances.get(self.instance) {
            Ok(instance) => {
                let answered = drun_ic::until_failure(|| settled(ask(&instance, &request)));
                answered.unwrap_or_else(|failure| page(503, &failure.to_string()))
            }
            Err(_) => page(503, "error: upstream_error"),
        }
    }

    fn body_limit(&self, path: &str) -> Option<(usize, Answer)> {
        match self.server.upgrade() {
            Some(server) if path.starts_with("/api/") => server.body_limit(path),
            _ => Some((AGENT_BODY, page(503, "503 - upstream error"))),
        }
    }

    fn begin(&self) -> Box<dyn Send> {
        match self.server.upgrade() {
            Some(server) => server.begin(),
            None => Box::new(()),
        }
    }

    fn postpone(self: Arc<Self>, _: &str) -> (Answer, Box<dyn FnOnce(Answer) + Send>) {
        (page(202, ""), Box::new(drop))
    }
}

fn page(status: u16, text: &str) -> Answer {
    Answer::new(status, Content::Text, text)
}

/// Who asks for a canister at such a host takes its answers as they are.
fn is_raw(request: &Request) -> bool {
    let host = request.header("host").unwrap_or("");
    host.split('.').nth(1) == Some("raw")
}

/// The canister that a request is for: by a label of the host, the query, or the page that it comes from.
fn canister(request: &Request) -> Option<Principal> {
    let host = request.header("host").unwrap_or("");
    let of_host = |host: &str| host.split('.').find_map(id_of);
    let of_query = |query: &str| {
        let mut pairs = query.split('&');
        pairs.find_map(|pair| id_of(pair.strip_prefix("canisterId=")?))
    };
    let query = request.query.as_deref();
    of_host(host)
        .or_else(|| query.and_then(of_query))
        .or_else(|| {
            let referer = request.header("referer")?;
            let (_, rest) = referer.split_once("://")?;
            let (host, rest) = rest.split_once('/').unwrap_or((rest, ""));
            let query = rest.split_once('?').map(|(_, query)| query);
            of_host(host).or_else(|| query.and_then(of_query))
        })
}

/// An id of a canister as text; other principals have no dashes where these have them.
fn id_of(text: &str) -> Option<Principal> {
    text.contains('-')
        .then(|| Principal::from_text(text).ok())
        .flatten()
}

#[derive(CandidType)]
struct HttpRequest<'a> {
    method: &'a str,
    url: String,
    headers: Vec<(&'a str, &'a str)>,
    body: ByteBuf,
    certificate_version: Option<u16>,
}

fn ask(instance: &Instance, request: &Request) -> Outcome {
    let Some(canister) = canister(request) else {
        return Ok(page(400, "400 - canister id not resolved"));
    };
    if instance.hold()?.canister(&canister).is_err() {
        return Ok(page(404, "404 - canister not found"));
    }
    let query = request.query.as_deref().filter(|query| !query.is_empty());
    let url = match query {
        Some(query) => format!("{}?{query}", request.path),
        None => request.path.clone(),
    };
    let argument = HttpRequest {
        method: &request.verb,
        url: url.clone(),
        headers: request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect(),
        body: ByteBuf::from(request.body.clone()),
        certificate_version: Some(2),
    };
    let argument = Encode!(&argument).expect("encoding to memory does not fail");
    let call = |method: &str, payload: Vec<u8>| Call {
        sender: Principal::anonymous(),
        info: None,
        canister,
        effective: Effective::Canister(canister),
        method: method.to_owned(),
        payload,
    };
    let mut net = instance.hold()?;
    let asked = reply(net.query(&call("http_request", argument.clone()))?);
    let certified_at = net.subnets()[net.canister(&canister)?.0].node.time();
    drop(net);
    let mut response = match asked {
        Ok(response) => response,
        Err(page) => return Ok(page),
    };
    // What an update call answers is certified by itself.
    let to_be_verified = !response.upgrade && !is_raw(request);
    if response.upgrade {
        let submitted = instance
            .hold()?
            .submit(&call("http_request_update", argument))?;
        instance.live.ring();
        let result = match submitted {
            Ok((_, id)) => await_message(instance, &id, ROUNDS)?,
            Err(error) => MessageResult::Failed(error),
        };
        response = match reply(result) {
            Ok(response) => response,
            Err(page) => return Ok(page),
        };
    }
    let mut pieces = 0;
    while let Some((callback, token)) = response.more.take() {
        pieces += 1;
        let (to, method) = callback;
        let argument = IDLArgs::new(&[token]).to_bytes();
        let argument = argument.map_err(|error| Refusal::new(503, error.to_string()))?;
        let next = Call {
            canister: to,
            effective: Effective::Canister(to),
            ..call(&method, argument)
        };
        let result = instance.hold()?.query(&next)?;
        let MessageResult::Replied(bytes) = result else {
            return Ok(page(503, "error: the streaming callback failed"));
        };
        let Some((body, token)) = piece(&bytes) else {
            return Ok(page(503, "error: the streaming callback gives no piece"));
        };
        response.body.extend(body);
        if pieces < MAX_PIECES {
            response.more = token.map(|token| ((to, method), token));
        }
    }
    if to_be_verified {
        let asked = Asked {
            method: &request.verb,
            url: &url,
            headers: &request.headers,
            body: &request.body,
        };
        let answered = Answered {
            status: response.status,
            headers: &response.headers,
            body: &response.body,
        };
        let root_key = instance.hold()?.subnets()[0].public_key.clone();
        match verify(&canister, &asked, &answered, certified_at, &root_key) {
            Ok(Some(certified)) => response.headers = certified,
            Ok(None) => {}
            Err(error) => return Ok(page(503, &format!("{UNTRUSTED}\n{error}"))),
        }
    }
    let mut answer = Answer::new(response.status, Content::None, response.body);
    for (name, value) in response.headers {
        let own = ["content-length", "transfer-encoding", "connection"];
        if !own.contains(&name.to_lowercase().as_str()) {
            answer = answer.with_header(&name, value);
        }
    }
    Ok(answer.with_header("x-ic-canister-id", canister.to_text()))
}

/// What `http_request` has answered.
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// It wants to be asked as an update call.
    upgrade: bool,
    /// A method that gives the next piece, and what it is called with.
    more: Option<((Principal, String), IDLValue)>,
}

fn reply(result: MessageResult) -> Result<Response, Answer> {
    match result {
        MessageResult::Replied(bytes) => Response::read(&bytes).ok_or_else(|| {
            page(
                503,
                "error: the canister's `http_request` gives no response",
            )
        }),
        MessageResult::Rejected(text) => Err(page(503, &format!("error: {text}"))),
        MessageResult::Failed(error) => Err(page(503, &format!("error: {error}"))),
    }
}

fn fields(bytes: &[u8]) -> Option<Vec<IDLField>> {
    match IDLArgs::from_bytes(bytes).ok()?.args.into_iter().next()? {
        IDLValue::Record(fields) => Some(fields),
        _ => None,
    }
}

/// Takes a field out of a record.
fn take(fields: &mut Vec<IDLField>, name: &str) -> Option<IDLValue> {
    let hash = idl_hash(name);
    let place = fields.iter().position(|field| match &field.id {
        Label::Id(id) | Label::Unnamed(id) => *id == hash,
        Label::Named(known) => known == name,
    })?;
    Some(fields.swap_remove(place).val)
}

fn present(value: IDLValue) -> Option<IDLValue> {
    match value {
        IDLValue::Opt(value) => Some(*value),
        IDLValue::None | IDLValue::Null | IDLValue::Reserved => None,
        value => Some(value),
    }
}

fn blob(value: IDLValue) -> Option<Vec<u8>> {
    match value {
        IDLValue::Blob(bytes) => Some(bytes),
        IDLValue::Vec(values) => values
            .into_iter()
            .map(|value| match value {
                IDLValue::Nat8(byte) => Some(byte),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn text_of(value: Option<IDLValue>) -> Option<String> {
    match value? {
        IDLValue::Text(text) => Some(text),
        _ => None,
    }
}

impl Response {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut response = fields(bytes)?;
        let IDLValue::Nat16(status) = take(&mut response, "status_code")? else {
            return None;
        };
        let mut headers = Vec::new();
        if let Some(IDLValue::Vec(list)) = take(&mut response, "headers") {
            for header in list {
                let IDLValue::Record(pair) = header else {
                    return None;
                };
                let mut pair = pair.into_iter().map(|field| field.val);
                headers.push((text_of(pair.next())?, text_of(pair.next())?));
            }
        }
        let upgrade = take(&mut response, "upgrade").and_then(present);
        let strategy = take(&mut response, "streaming_strategy").and_then(present);
        let more = strategy.and_then(|strategy| match strategy {
            IDLValue::Variant(variant) => match variant.0.val {
                IDLValue::Record(mut callback) => {
                    let token = take(&mut callback, "token")?;
                    match take(&mut callback, "callback")? {
                        IDLValue::Func(canister, method) => Some(((canister, method), token)),
                        _ => None,
                    }
                }
                _ => None,
            },
            _ => None,
        });
        Some(Response {
            status,
            headers,
            body: blob(take(&mut response, "body")?)?,
            upgrade: matches!(upgrade, Some(IDLValue::Bool(true))),
            more,
        })
    }
}

/// A piece of a streamed answer, and what the next one is asked for with.
fn piece(bytes: &[u8]) -> Option<(Vec<u8>, Option<IDLValue>)> {
    let mut piece = fields(bytes)?;
    let body = blob(take(&mut piece, "body")?)?;
    Some((body, take(&mut piece, "token").and_then(present)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::request::Method;

    fn request(host: &str, query: Option<&str>, referer: Option<&str>) -> Request {
        let headers = [("host", Some(host)), ("referer", referer)];
        Request {
            method: Method::Get,
            verb: "GET".into(),
            path: "/".into(),
            query: query.map(str::to_owned),
            headers: headers
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
                .collect(),
            body: Vec::new(),
        }
    }

    #[test]
    fn the_canister_is_named_by_host_query_or_referer() {
        const ID: &str = "rwlgt-iiaaa-aaaaa-aaaaa-cai";
        let query = format!("a=b&canisterId={ID}");
        let referer = format!("http://localhost:8000/?canisterId={ID}");
        for (host, query, referer) in [
            (&*format!("{ID}.localhost:8000"), None, None),
            (&format!("{ID}.raw.localhost"), None, None),
            ("localhost:8000", Some(&*query), None),
            ("localhost", None, Some(&*referer)),
        ] {
            let found = canister(&request(host, query, referer));
            assert_eq!(found.map(|id| id.to_text()).as_deref(), Some(ID), "{host}");
        }
        assert_eq!(canister(&request("localhost:8000", None, None)), None);
        assert_eq!(canister(&request("my-app.localhost", None, None)), None);
    }
}
