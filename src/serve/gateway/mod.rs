//! HTTP gateways: what a browser asks for becomes calls of a canister's `http_request` (pocket-ic-api.md 2.8). Owns the addresses and their
//! lives; a request is answered in `ask`, and whether the answer of a canister is to be believed is decided in `verify`.

mod ask;
mod names;
mod response;
mod tls;
mod upstream;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::time::Duration;

use serde::Serialize;

use super::Server;
use super::answer::{Answer, Content, Refusal};
use super::create::GatewayInfo;
use super::http::{self, Handler, Postponed};
use super::request::Request;
use super::routes::AGENT_BODY;
use super::wire::{ForwardTo, GatewayConfig, HttpsConfig};
use names::Domains;
use upstream::{Replica, Upstream};

/// The longest wait for a gateway that was stopped to have let go of its port.
const PATIENCE: Duration = Duration::from_secs(1);

/// The gateways of a server.
#[derive(Default)]
pub(crate) struct Gateways(Mutex<All>);

#[derive(Default)]
struct All {
    /// Gateways that were made, and the number of the next one.
    made: usize,
    running: BTreeMap<usize, Running>,
}

struct Running {
    details: Details,
    task: tokio::task::AbortHandle,
    /// Nobody is at the other side once the port is free again.
    ended: mpsc::Receiver<()>,
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

/// One gateway.
struct Gateway {
    server: Weak<Server>,
    forward_to: Forward,
    domains: Domains,
}

/// Where to: to an instance of this server, or to another one.
enum Forward {
    Instance(usize),
    Replica(Arc<Replica>),
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
        let forward_to = config.forward_to.clone();
        let forward_to = forward_to.ok_or_else(|| failed("`forward_to` is missing".into()))?;
        let forward = match &forward_to {
            ForwardTo::PocketIcInstance(id) => {
                let instance = server.instances.get(*id);
                instance.map_err(|refusal| failed(refusal.message))?;
                Forward::Instance(*id)
            }
            ForwardTo::Replica(url) => Forward::Replica(Arc::new(
                Replica::find(url, server.runtime.clone())
                    .map_err(|why| failed(format!("error: upstream_error ({why})")))?,
            )),
        };
        let tls = config.https_config.as_ref().map(tls::acceptor).transpose();
        let tls = tls.map_err(|why| failed(format!("TLS config could not be created: {why}")))?;
        let domains = Domains(config.domain_custom_provider_local_file.clone());
        if let Some(directory) = domains.0.as_ref().and_then(|file| file.parent())
            && !directory.as_os_str().is_empty()
            && !directory.is_dir()
        {
            let directory = directory.display();
            return Err(failed(format!(
                "The file of domains is in {directory}, which is not a directory"
            )));
        }
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
            forward_to: forward,
            domains,
        });
        let (ending, ended) = mpsc::channel();
        let task = server.runtime.spawn(async move {
            // It goes behind the listener.
            let _ending: mpsc::Sender<()> = ending;
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                http::accept(listener, tls, gateway).await;
            }
        });
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = all.made;
        all.made += 1;
        let running = Running {
            details: Details {
                instance_id: id,
                port,
                forward_to,
                domains: config.domains.clone(),
                https_config: config.https_config.clone(),
            },
            task: task.abort_handle(),
            ended,
        };
        all.running.insert(id, running);
        Ok(GatewayInfo {
            instance_id: id,
            port,
        })
    }

    /// Those that run.
    pub(crate) fn list(&self) -> Vec<Details> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = all.running.values();
        running.map(|running| running.details.clone()).collect()
    }

    /// Stops one, if it runs.
    pub(crate) fn stop(&self, id: usize) {
        self.keep(|number, _| number != id);
    }

    /// Stops those of an instance.
    pub(crate) fn stop_of(&self, instance: usize) {
        self.keep(|_, details| !matches!(details.forward_to, ForwardTo::PocketIcInstance(id) if id == instance));
    }

    /// Stops the others. Their ports are free when this returns.
    fn keep(&self, wanted: impl Fn(usize, &Details) -> bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let running = std::mem::take(&mut all.running).into_iter();
        let (kept, stopped): (BTreeMap<_, _>, BTreeMap<_, _>) =
            running.partition(|(id, running)| wanted(*id, &running.details));
        all.running = kept;
        drop(all);
        for running in stopped.into_values() {
            running.task.abort();
            let _ = running.ended.recv_timeout(PATIENCE);
        }
    }
}

impl Handler for Gateway {
    fn handle(self: Arc<Self>, request: Request) -> Answer {
        let Some(server) = self.server.upgrade() else {
            return page(503, "error: upstream_error");
        };
        let path = request.path.as_str();
        let is_inner = path.starts_with("/api/") || path.starts_with("/_/");
        let upstream = match &self.forward_to {
            Forward::Replica(replica) if is_inner => return replica.pass(&request),
            Forward::Replica(replica) => Upstream::Replica(Arc::clone(replica)),
            Forward::Instance(id) if is_inner => {
                let path = format!("/instances/{id}{path}");
                return server.handle(Request { path, ..request });
            }
            Forward::Instance(id) => match server.instances.get(*id) {
                Ok(instance) => Upstream::Instance(instance),
                Err(_) => return page(503, "error: upstream_error"),
            },
        };
        let answered = drun_ic::until_failure(|| ask::ask(&upstream, &self.domains, &request));
        match answered {
            Ok(Ok(answer)) | Ok(Err(answer)) => answer,
            Err(failure) => page(503, &failure.to_string()),
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

    fn postpone(self: Arc<Self>, _: &str) -> Option<Postponed> {
        None
    }
}

fn page(status: u16, text: &str) -> Answer {
    Answer::new(status, Content::Text, text)
}
