//! From paths to endpoints (pocket-ic-api.md 2.2). Owns methods, trailing slashes, and the headers that all answers of a kind have.

use std::sync::Arc;

use super::Server;
use super::answer::{Answer, Content, Outcome, Refusal, settled};
use super::http::{Handler, Postponed};
use super::instance_routes::ENDPOINTS;
use super::memory;
use super::request::{Method, Request};
use super::wire::{AutoProgress, GatewayConfig, InstanceConfig};

/// The operations of an instance beside [`ENDPOINTS`].
const OTHERS: [&str; 3] = ["fork", "auto_progress", "stop_progress"];
/// Bytes of the largest body on the endpoints of agents.
pub(super) const AGENT_BODY: usize = 4 << 20;

/// May an operation for this path be left to itself? Those of instances, but not the page of one, nor what agents ask for (2.3). A path
/// where there is nothing names none: clients ask for the answer until it is no 404.
fn may_be_postponed(path: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let Some(rest) = path.strip_prefix("/instances") else {
        return false;
    };
    let mut parts = rest.splitn(3, '/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(""), _, None) => true,
        (Some(""), _, Some(operation)) => {
            ENDPOINTS.iter().any(|(_, known)| *known == operation) || OTHERS.contains(&operation)
        }
        _ => false,
    }
}

fn is_for_agents(path: &str) -> bool {
    let mut parts = path.split('/').skip(1);
    match parts.next() {
        Some("api") => true,
        Some("instances") => parts.nth(1) == Some("api"),
        _ => false,
    }
}

/// Pages from anywhere may read what instances answer.
fn for_everybody(path: &str, answer: Answer) -> Answer {
    match path.starts_with("/instances") {
        true => answer.with_header("access-control-allow-origin", "*"),
        false => answer,
    }
}

impl Handler for Server {
    fn handle(self: Arc<Self>, request: Request) -> Answer {
        let answered = drun_ic::until_failure(|| settled(self.route(&request)));
        let answer =
            answered.unwrap_or_else(|failure| Answer::from(Refusal::new(500, failure.to_string())));
        for_everybody(&request.path, answer)
    }

    fn body_limit(&self, path: &str) -> Option<(usize, Answer)> {
        if is_for_agents(path) {
            let text = format!(
                "error: payload_too_large\ndetails: Payload is too large: maximum body size is {AGENT_BODY} bytes."
            );
            let answer = Answer::new(413, Content::Text, text);
            return Some((AGENT_BODY, for_everybody(path, answer)));
        }
        let most = self.options.max_memory;
        let room = memory::room(most)?;
        Some((room, for_everybody(path, memory::refusal(most).into())))
    }

    fn begin(&self) -> Box<dyn Send> {
        Box::new(self.activity.begin())
    }

    fn postpone(self: Arc<Self>, path: &str) -> Option<Postponed> {
        #[derive(serde::Serialize)]
        struct Started<'a> {
            state_label: &'a str,
            op_id: &'a str,
        }
        if !may_be_postponed(path) {
            return None;
        }
        let kind = path.rsplit('/').find(|part| !part.is_empty());
        let operation = self.graph.name(kind.unwrap_or("operation"));
        let told = Answer::json_with(
            202,
            &Started {
                state_label: &operation.state_label,
                op_id: &operation.op_id,
            },
        );
        let keep = move |answer| self.graph.end(operation, answer);
        Some(Postponed {
            told: for_everybody(path, told),
            keep: Box::new(keep),
        })
    }
}

/// There is no such path.
fn not_found(path: &str) -> Refusal {
    Refusal::new(404, format!("there is nothing at {path}"))
}

fn wrong_method(path: &str) -> Refusal {
    Refusal::new(405, format!("{path} is not called with this method"))
}

impl Server {
    fn route(self: &Arc<Self>, request: &Request) -> Outcome {
        let path = request.path.as_str();
        if request.method == Method::Options && path.starts_with("/instances") {
            return Ok(Answer::empty(200)
                .with_header("access-control-allow-methods", "GET,POST")
                .with_header(
                    "access-control-allow-headers",
                    "authorization,accept,content-type",
                ));
        }
        let trimmed = path.strip_suffix('/').unwrap_or(path);
        let mut parts = trimmed.splitn(3, '/').skip(1);
        let (first, rest) = (parts.next().unwrap_or(""), parts.next());
        match (first, rest) {
            ("status", None) => only(Method::Get, request, || Ok(Answer::empty(200))),
            ("api.json", None) => only(Method::Get, request, || Ok(super::openapi::document())),
            ("instances", None) => match request.method {
                // All clients post without a slash, and the reference knows nothing else.
                Method::Post if path != trimmed => Err(not_found(path)),
                Method::Get => Ok(Answer::json(&self.instances.list())),
                Method::Post => {
                    let config = request.json::<InstanceConfig>()?;
                    Ok(self.create(&config))
                }
                _ => Err(wrong_method(path)),
            },
            ("instances", Some(rest)) => {
                let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
                let id = id.parse().map_err(|_| {
                    Refusal::bad(format!("Invalid URL: Cannot parse `{id}` to a `u64`"))
                })?;
                self.route_instance(id, rest, request)
            }
            ("_", Some("dashboard")) => only(Method::Get, request, || {
                Ok(super::dashboard::of_server(self))
            }),
            ("api", Some(rest)) => {
                let newest = self.instances.newest();
                let instance = newest.ok_or_else(|| {
                    Refusal::new(404, "there is no instance, whose interface this would be")
                })?;
                super::agent::serve(&instance, self.options.max_memory, rest, request)
            }
            ("http_gateway", None) => match request.method {
                Method::Get => Ok(Answer::json(&self.gateways.list())),
                Method::Post => {
                    let config = request.json::<GatewayConfig>()?;
                    Ok(super::create::gateway(self.gateways.start(self, &config)))
                }
                _ => Err(wrong_method(path)),
            },
            ("http_gateway", Some(rest)) => {
                let id = rest.strip_suffix("/stop").and_then(|id| id.parse().ok());
                let id = id.ok_or_else(|| not_found(path))?;
                only(Method::Post, request, || {
                    self.gateways.stop(id);
                    Ok(Answer::null())
                })
            }
            ("verify_signature", None) => only(Method::Post, request, || {
                super::agent::verify_signature(&request.json()?)
            }),
            ("read_graph", Some(rest)) => only(Method::Get, request, || {
                let (label, op_id) = rest.split_once('/').ok_or_else(|| not_found(path))?;
                self.graph.read(&unescaped(label), &unescaped(op_id))
            }),
            ("prune_graph", Some(rest)) => only(Method::Delete, request, || {
                let (label, op_id) = rest.split_once('/').ok_or_else(|| not_found(path))?;
                self.graph.prune(&unescaped(label), &unescaped(op_id))
            }),
            ("blobstore", None) => only(Method::Post, request, || {
                memory::check(self.options.max_memory)?;
                let encoding = request.header("content-encoding");
                let gzip = encoding.is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
                let name = self.blobs.put(request.body.clone(), gzip);
                Ok(Answer::new(200, Content::Text, hex::encode(name)))
            }),
            ("blobstore", Some(name)) => only(Method::Get, request, || {
                let name = hex::decode(name)
                    .map_err(|_| Refusal::bad(format!("`{name}` is not a blob id in hex")))?;
                let blob = self.blobs.get(&name);
                let blob = blob.ok_or_else(|| Refusal::new(404, "there is no blob of this id"))?;
                let answer = Answer::new(200, Content::Bytes, blob.bytes.clone());
                Ok(match blob.gzip {
                    true => answer.with_header("content-encoding", "gzip"),
                    false => answer,
                })
            }),
            _ => Err(not_found(path)),
        }
    }

    fn route_instance(self: &Arc<Self>, id: usize, rest: &str, request: &Request) -> Outcome {
        let path = request.path.as_str();
        if let Some((method, endpoint)) = ENDPOINTS.iter().find(|(_, known)| *known == rest) {
            return only(*method, request, || self.on_instance(id, endpoint, request));
        }
        if let Some(rest) = rest.strip_prefix("api/") {
            let instance = self.instances.get(id)?;
            return super::agent::serve(&instance, self.options.max_memory, rest, request);
        }
        match (request.method, rest) {
            (Method::Delete, "") => {
                self.gateways.stop_of(id);
                let (was_there, net) = self.instances.delete(id);
                drop(net);
                match was_there {
                    true => Ok(Answer::empty(200)),
                    false => Err(Refusal::bad(
                        "UpdateError { message: \"Instance not found\" }",
                    )),
                }
            }
            (Method::Get, "_/dashboard") => {
                super::dashboard::of_instance(&*self.instances.get(id)?)
            }
            (Method::Post, "fork") => self.fork(&*self.instances.get(id)?),
            (Method::Get, "auto_progress") => {
                Ok(Answer::json(&self.instances.get(id)?.live.is_on()))
            }
            (Method::Post, "auto_progress") => {
                let wish = request.json::<AutoProgress>()?;
                let instance = self.instances.get(id)?;
                super::auto_progress::start(&instance, wish.artificial_delay_ms, &self.runtime)?;
                Ok(Answer::null())
            }
            (Method::Post, "stop_progress") => {
                self.instances.get(id)?.live.stop();
                Ok(Answer::null())
            }
            (_, "" | "_/dashboard") => Err(wrong_method(path)),
            (_, rest) if OTHERS.contains(&rest) => Err(wrong_method(path)),
            _ => Err(not_found(path)),
        }
    }
}

fn only(method: Method, request: &Request, answer: impl FnOnce() -> Outcome) -> Outcome {
    match request.method == method {
        true => answer(),
        false => Err(wrong_method(&request.path)),
    }
}

/// A part of a path, with its escapes resolved.
fn unescaped(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escape = tail.get(..2).filter(|_| *first == b'%');
        let escape = escape.and_then(|digits| std::str::from_utf8(digits).ok());
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_operations_of_instances_are_left_to_themselves() {
        for path in [
            "/instances",
            "/instances/3",
            "/instances/3/",
            "/instances/3/update/tick",
            "/instances/3/_/topology",
            "/instances/3/fork",
            "/instances/3/stop_progress/",
        ] {
            assert!(may_be_postponed(path), "{path}");
        }
        for path in [
            "/instances/3/api/v2/status",
            "/instances/3/_/dashboard",
            "/instances/3/update/no_such_operation",
            "/instances/3/update",
            "/instancesx",
            "/status",
            "/blobstore",
            "/read_graph/a/b",
            "/http_gateway",
            "/_/dashboard",
        ] {
            assert!(!may_be_postponed(path), "{path}");
        }
    }

    #[test]
    fn escapes_of_a_path_are_resolved() {
        assert_eq!(unescaped("AQ%3D%3D"), "AQ==");
        assert_eq!(unescaped("a%2"), "a%2");
        assert_eq!(unescaped("%zz(x),"), "%zz(x),");
    }
}
