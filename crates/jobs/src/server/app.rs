//! What the server does with a request to run something, without HTTP: modules, line, run, answer, metrics and logs.
//! The command `run` goes the same way, so that both answer alike.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::value::RawValue;
use tokio::sync::{oneshot, watch};

use super::account::Account;
use super::log::Log;
use super::metrics::{Gauges, Metrics};
use super::request::{self, Refused, RunRequest};
use super::response::{self, Circumstances};
use super::scheduler::{Scheduler, SchedulerLimits};
use crate::config::{Config, Level, milliseconds};
use crate::engine::{self, Engines, Hash, Kind, Prepared, Report, Room, stopped};
use crate::failure::{Code, Failure};
use crate::host::{GuestLog, Surroundings};
use crate::isolate::{Supervisor, WorkerSettings};
use crate::job::{Cancel, Control, Cpu, Deadline, Job, Stop};
use crate::json::{self, Object};
use crate::modules::{Found, ModuleLimits, Modules};
use crate::rpc::{Cache, Fixture, Recorder, Service, Session, Terms, Upstream};

/// Bodies above this size are not parsed where connections are served.
const LARGE: usize = 64 << 10;

/// An answer: status and JSON.
pub type Answer = (u16, String);

/// Everything that requests share.
pub struct App {
    pub(super) config: Arc<Config>,
    pub(super) modules: Arc<Modules>,
    pub(super) rpc: Arc<Service>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) log: Log,
    scheduler: Arc<Scheduler>,
    supervisor: Option<Arc<Supervisor>>,
    recorder: Option<Arc<Recorder>>,
    draining: AtomicBool,
    /// Whether nothing goes on either.
    stop: watch::Sender<bool>,
    running: Mutex<HashMap<u64, Weak<Control>>>,
    next: AtomicU64,
}

impl App {
    /// Makes everything ready. To be called on a runtime, which does the RPC.
    ///
    /// # Errors
    /// If a file cannot be used or a setting makes no sense here.
    pub fn new(config: Config) -> Result<Self, String> {
        let log = Log {
            level: config.log_level,
            pretty: config.log_pretty,
        };
        let metrics = Arc::new(Metrics::default());
        let observed = metrics.clone();
        let room = config.instance_pool.then_some(Room {
            guests: config.max_concurrency,
            table_elements: config.max_table_elements,
        });
        let engines = Engines::new(config.max_stack_bytes, room);
        let pooled = engines
            .is_pooled(usual_kind(&config))
            .map_err(|failure| failure.error)?;
        if config.instance_pool && !pooled {
            let warning = "no address space for INSTANCE_POOL: memories are mapped for each job";
            log.write(Level::Warn, warning, &Object::new());
        }
        let limits = ModuleLimits {
            memory: config.module_memory_bytes,
            disk: config.module_disk_bytes,
            compilations: std::thread::available_parallelism().map_or(1, usize::from) / 2,
            wait: config.max_compile,
        };
        let observer = Box::new(move |source, time| observed.module(source, time));
        let (modules, trouble) =
            Modules::open(engines, limits, Some(&config.cache_dir), Some(observer)).map_err(
                |error| format!("WASM_CACHE_DIR {}: {error}", config.cache_dir.display()),
            )?;
        for warning in config.warnings.iter().chain(&trouble) {
            log.write(Level::Warn, warning, &Object::new());
        }
        let recorder = config
            .rpc_record
            .as_deref()
            .map(|path| Arc::new(Recorder::new(path)));
        let rpc = Arc::new(service(&config, recorder.clone(), metrics.clone())?);
        let scheduler = Arc::new(Scheduler::new(SchedulerLimits {
            concurrency: config.max_concurrency,
            processors: config.cpu_permits,
            queue: (!config.compat).then_some(config.queue_limit),
            guest_stack: config.max_stack_bytes,
        }));
        let supervisor = match config.isolate {
            false => None,
            true if !modules.has_files() => {
                return Err("ISOLATE: process needs a WASM_CACHE_DIR for files".into());
            }
            true => Some(Arc::new(Supervisor::new(WorkerSettings {
                stack: config.max_stack_bytes,
                kind: usual_kind(&config),
                request_bytes: config.rpc.request_bytes,
                ready: config.cpu_permits,
            })?)),
        };
        Ok(App {
            modules: Arc::new(modules),
            rpc,
            metrics,
            log,
            scheduler,
            supervisor,
            recorder,
            draining: AtomicBool::new(false),
            stop: watch::channel(false).0,
            running: Mutex::default(),
            next: AtomicU64::new(0),
            config: Arc::new(config),
        })
    }

    /// Checks a body and runs what it asks for.
    pub async fn run_body(&self, body: Bytes) -> Answer {
        let parsed = match body.len() > LARGE {
            true => {
                let config = self.config.clone();
                let parsed = tokio::task::spawn_blocking(move || request::parse(&body, &config));
                parsed.await.unwrap_or_else(|error| {
                    Err(Refused {
                        job_id: None,
                        failure: Failure::new(Code::Internal, format!("parsing: {error}")),
                    })
                })
            }
            false => request::parse(&body, &self.config),
        };
        match parsed {
            Ok(request) => self.run(request).await,
            Err(Refused { job_id, failure }) => self.refuse(job_id.as_deref(), failure),
        }
    }

    /// The answer to a request that does not become a job.
    pub fn refuse(&self, job_id: Option<&RawValue>, failure: Failure) -> Answer {
        self.metrics.job(Some(failure.code), None);
        let compat = self.config.compat;
        let mut failure = failure;
        if failure.code == Code::Internal && !compat {
            failure.error = self.internal(&failure.error);
        }
        let status = match compat {
            true => failure.code.status_compat(),
            false => failure.code.status(),
        };
        let members = match job_id {
            Some(id) => Object::new().with("jobId", json::on_one_line(id)),
            None => Object::new().with("jobId", "unknown"),
        };
        let members = members
            .with("code", failure.code)
            .with("error", &failure.error);
        self.log.write(Level::Info, "refused", &members);
        let text = response::refused(job_id, &failure, Duration::ZERO, &[], compat);
        (status, text)
    }

    /// The answer to a job whose module cannot be run.
    fn not_made(
        &self,
        account: &Account,
        failure: Failure,
        time: Duration,
        warnings: &[String],
    ) -> Answer {
        let job_id = Some(&*account.job_id);
        // That it is not known, or nothing goes on here, is told as for every request.
        if failure.code.status() != 200 {
            return self.refuse(job_id, failure);
        }
        account.did_not_run(failure.code, time);
        let compat = self.config.compat;
        (
            200,
            response::refused(job_id, &failure, time, warnings, compat),
        )
    }

    /// What a client is told of a fault of ours; the rest is in the log.
    pub fn internal(&self, error: &str) -> String {
        let id = format!("{:08x}", self.next.fetch_add(1, Ordering::Relaxed));
        let members = Object::new().with("id", &id).with("error", error);
        self.log.write(Level::Error, "internal error", &members);
        format!("internal error {id}")
    }

    async fn run(&self, request: RunRequest) -> Answer {
        let RunRequest {
            job_id,
            hash,
            wasm,
            job,
            fixture,
            warnings,
        } = request;
        let compat = self.config.compat;
        let refuse = |failure: Failure| self.refuse(Some(&*job_id), failure);
        let draining = || refuse(Failure::new(Code::Draining, "shutting down"));
        if self.is_draining() {
            return draining();
        }
        let _admission = match self.scheduler.admit() {
            Ok(admission) => admission,
            Err((running, waiting)) => {
                let error = format!("too many jobs ({running} running, {waiting} waiting)");
                return refuse(Failure::new(Code::QueueFull, error));
            }
        };
        // Once more: whoever drains either sees this job, and waits for it, or was seen here.
        if self.is_draining() {
            return draining();
        }
        let account = Arc::new(Account {
            metrics: self.metrics.clone(),
            log: self.log,
            job_id: job_id.clone(),
            hash,
        });
        let mut leaving = Leaving {
            app: self,
            account: &account,
            place: None,
            stops: true,
        };
        let asked = Instant::now();
        // In a box, which is gone when the module is there.
        let found = Box::pin(self.found(hash, Kind::of(&job), wasm)).await;
        let found = match found {
            Ok(found) => found,
            Err(failure) => {
                leaving.stops = false;
                return self.not_made(&account, failure, asked.elapsed(), &warnings);
            }
        };
        let Found {
            module,
            source,
            time,
        } = found;
        let limits = job.limits.clone();
        let control = Arc::new(Control::default());
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        self.lock_running().insert(ticket, Arc::downgrade(&control));
        if *self.stop.borrow() {
            control.cancel(Cancel::Shutdown);
        }
        let (sender, mut receiver) = oneshot::channel();
        let submitted = Instant::now();
        let work = {
            let (control, rpc, log) = (control.clone(), self.rpc_of(fixture), self.guest_log());
            let account = account.clone();
            let job = Box::new(job);
            let isolated = self.supervisor.clone().zip(Some(self.modules.clone()));
            Box::new(move |cpu: Box<dyn Cpu>| {
                let queued = submitted.elapsed();
                let deadline = Deadline::new(job.limits.timeout, control.clone(), Some(cpu));
                let rpc = Box::new(Session::new(rpc, Terms::of(&job)));
                let around = Surroundings { deadline, rpc, log };
                let report = match (control.cancelled(), isolated) {
                    (Some(reason), _) => cancelled(reason),
                    (None, None) => engine::run(&module, job, around),
                    (None, Some((supervisor, modules))) => {
                        run_isolated(&module, job, around, &supervisor, &modules)
                    }
                };
                // Here, because whoever asked may be gone.
                account.ran(&report, queued, time);
                let _ = sender.send((report, queued));
            })
        };
        let place = self.scheduler.submit(work);
        leaving.place = Some((control, ticket, place));
        leaving.stops = !compat;
        let ended = match compat {
            true => Ok((&mut receiver).await),
            false => tokio::time::timeout(self.config.queue_timeout, &mut receiver).await,
        };
        let ended = match ended {
            Ok(ended) => ended,
            Err(_) if self.scheduler.withdraw(place) => {
                let limit = milliseconds(self.config.queue_timeout);
                let error = format!("waited {limit}ms for a free slot");
                return refuse(Failure::new(Code::QueueTimeout, error));
            }
            Err(_) => receiver.await,
        };
        let Ok((mut report, queued)) = ended else {
            return refuse(Failure::new(Code::Internal, "a job ended without outcome"));
        };
        leaving.stops = false;
        if let Err(failure) = &mut report.outcome
            && failure.code == Code::Internal
            && !compat
        {
            failure.error = self.internal(&failure.error);
        }
        report.warnings.splice(0..0, warnings);
        let around = Circumstances {
            queued,
            compiled: time,
            source,
            hash,
            limits,
        };
        let status = match &report.outcome {
            Ok(_) => 200,
            Err(failure) => failure.code.status(),
        };
        (status, response::ran(&job_id, &report, &around, compat))
    }

    /// A module, unless nothing goes on any more.
    async fn found(&self, hash: Hash, kind: Kind, wasm: Option<Bytes>) -> Result<Found, Failure> {
        tokio::select! {
            found = self.modules.get(hash, kind, wasm) => found,
            () = self.stopped() => Err(Failure::new(Code::Cancelled, "cancelled: shutting down")),
        }
    }

    fn rpc_of(&self, fixture: Option<Arc<Fixture>>) -> Arc<Service> {
        match fixture {
            None => self.rpc.clone(),
            fixture => Arc::new(Service {
                fixture,
                ..(*self.rpc).clone()
            }),
        }
    }

    fn guest_log(&self) -> Option<GuestLog> {
        let log = self.log;
        (log.level >= Level::Debug).then(|| {
            Arc::new(move |level: i32, text: &str| {
                let members = Object::new().with("guestLevel", level).with("text", text);
                log.write(Level::Debug, "guest", &members);
            }) as GuestLog
        })
    }

    /// From now on nothing new begins.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Whether nothing new begins.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Whether no job runs or waits.
    pub fn is_idle(&self) -> bool {
        self.scheduler.counts() == (0, 0)
    }

    async fn stopped(&self) {
        // The sender is this app's own: it cannot be gone.
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await.is_ok();
    }

    /// Stops every job, also those whose modules are still compiled.
    pub fn cancel_all(&self) {
        self.stop.send_replace(true);
        let controls: Vec<_> = self
            .lock_running()
            .values()
            .filter_map(Weak::upgrade)
            .collect();
        for control in controls {
            control.cancel(Cancel::Shutdown);
        }
    }

    /// Writes what was recorded since the last time.
    pub fn write_record(&self) {
        if let Some(Err(error)) = self.recorder.as_ref().map(|recorder| recorder.write()) {
            let members = Object::new().with("error", error.to_string());
            self.log
                .write(Level::Error, "RPC_RECORD cannot be written", &members);
        }
    }

    /// All settings in force, as JSON.
    pub fn limits(&self) -> String {
        let fixture = self.rpc.fixture.as_ref();
        let chains = fixture.map(|fixture| fixture.chains().collect::<Vec<_>>());
        self.config.shown(&chains.unwrap_or_default())
    }

    /// The text for Prometheus.
    pub fn metrics_text(&self) -> String {
        let (running, waiting) = self.scheduler.counts();
        let (memory, disk) = self.modules.bytes();
        self.metrics.text(Gauges {
            running,
            waiting,
            memory,
            disk,
        })
    }

    fn lock_running(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Weak<Control>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happens when nobody waits for a job any more, be it that it ended or that the client is gone.
struct Leaving<'a> {
    app: &'a App,
    account: &'a Account,
    /// Its control, its ticket and its place in the line, once it has them.
    place: Option<(Arc<Control>, u64, u64)>,
    /// Whether the job ends then.
    stops: bool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let began = match &self.place {
            None => false,
            Some((control, ticket, place)) => {
                self.app.lock_running().remove(ticket);
                if self.stops {
                    control.cancel(Cancel::ClientGone);
                }
                !(self.stops && self.app.scheduler.withdraw(*place))
            }
        };
        // One that began tells its end itself.
        if self.stops && !began {
            self.account.did_not_run(Code::Cancelled, Duration::ZERO);
        }
    }
}

/// The report of a job that was stopped before it began.
#[inline(never)]
fn cancelled(reason: Cancel) -> Box<Report> {
    Report::failed(stopped(Stop::Cancelled(reason), Duration::ZERO))
}

/// Runs a job in a process of its own.
#[inline(never)]
fn run_isolated(
    module: &Prepared,
    job: Box<Job>,
    around: Surroundings,
    supervisor: &Supervisor,
    modules: &Modules,
) -> Box<Report> {
    let kind = Kind::of(&job);
    match modules.code(kind, module) {
        Ok(code) => supervisor.run(module, kind, code, job, around),
        Err(failure) => Report::failed(failure),
    }
}

/// What a job needs that asks for nothing.
pub(super) fn usual_kind(config: &Config) -> Kind {
    Kind {
        fuel: config.max_fuel > 0,
        deterministic: config.deterministic,
    }
}

fn service(
    config: &Config,
    recorder: Option<Arc<Recorder>>,
    metrics: Arc<Metrics>,
) -> Result<Service, String> {
    let fixture = match &config.rpc_fixture {
        None => None,
        Some(path) => Some(Arc::new(read_fixture(path)?)),
    };
    let needed = !config.rpc_urls.is_empty() || !config.rpc_proxy.is_empty();
    let upstream = match needed {
        true => Some(Upstream::new(tokio::runtime::Handle::current())?),
        false => None,
    };
    Ok(Service {
        methods: config.methods.clone(),
        limits: config.rpc,
        default_chain: config.default_chain,
        fixture,
        nodes: config.rpc_urls.clone(),
        proxy: config.rpc_proxy.clone(),
        upstream,
        cache: Cache::new(config.rpc_cache_entries).map(Arc::new),
        recorder,
        observer: Some(Arc::new(move |call| {
            metrics.rpc(call.method, call.chain, call.outcome, call.time)
        })),
    })
}

fn read_fixture(path: &Path) -> Result<Fixture, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("RPC_FIXTURE {}: {error}", path.display()))?;
    Fixture::parse(&text).map_err(|error| format!("RPC_FIXTURE {}: {error}", path.display()))
}
