//! Everything that belongs to one running guest. Made for it and thrown away with it: nothing is shared between runs.

use std::sync::Arc;

use super::clock::{Clock, Kind};
use super::filesystem::{Descriptors, Tree};
use super::limiter::Limiter;
use super::output::Output;
use super::random::Random;
use super::rpc_files::RpcFiles;
use crate::job::{Deadline, Job, Stop, Stream};
use crate::rpc::Answers;

/// Told of what a guest logs: level and text.
pub type GuestLog = Arc<dyn Fn(i32, &str) + Send + Sync>;

/// What a guest is given by its server.
pub struct Surroundings {
    /// Its time.
    pub deadline: Deadline,
    /// Who answers its RPC.
    pub rpc: Box<dyn Answers>,
    /// Where its log goes beside standard error.
    pub log: Option<GuestLog>,
}

/// The state of one running guest.
pub struct Guest {
    pub(crate) deadline: Deadline,
    pub(crate) limiter: Limiter,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
    pub(crate) rpc: Box<dyn Answers>,
    pub(super) stdin: Vec<u8>,
    pub(super) stdin_read: usize,
    pub(super) tree: Tree,
    pub(super) descriptors: Descriptors,
    pub(super) args: Vec<Vec<u8>>,
    pub(super) environment: Vec<Vec<u8>>,
    pub(super) work_dir: String,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) rpc_files: RpcFiles,
    pub(super) log: Option<GuestLog>,
    /// The last answer that did not fit, with its request.
    pub(super) kept: Option<(Vec<u8>, Vec<u8>)>,
    /// Found once the instance exists.
    pub(crate) memory: Option<wasmtime::Memory>,
}

impl Guest {
    /// The guest of a job, before its first instruction. `program` is its name, `seed` that of a deterministic job.
    pub fn new(job: Job, program: &str, seed: Option<u64>, around: Surroundings) -> Self {
        let limits = &job.limits;
        let mut args = vec![program.as_bytes().to_vec()];
        args.extend(job.args.into_iter().map(String::into_bytes));
        let variable = |name: &str, value: &str| format!("{name}={value}").into_bytes();
        Guest {
            deadline: around.deadline,
            limiter: Limiter::new(limits.memory, limits.table_elements),
            stdout: Output::new(Stream::Stdout, limits.stdout),
            stderr: Output::new(Stream::Stderr, limits.stderr),
            rpc: around.rpc,
            stdin: job.stdin,
            stdin_read: 0,
            tree: Tree::new(limits.files, limits.file_bytes),
            descriptors: Descriptors::default(),
            args,
            environment: vec![
                variable("WASM_RPC_WORK_DIR", &job.work_dir),
                variable("WASM_RPC_REQUEST_FILE", &job.request_file),
                variable("WASM_RPC_RESPONSE_FILE", &job.response_file),
            ],
            work_dir: job.work_dir,
            clock: Clock::new(job.deterministic.map(|fixed| fixed.time_ms)),
            random: Random::new(seed),
            rpc_files: RpcFiles::new(job.request_file, job.response_file),
            log: around.log,
            kept: None,
            memory: None,
        }
    }

    /// Answers the request that is in the file for it, if there is one. To be called before the guest can look.
    ///
    /// # Errors
    /// If the job must stop.
    pub(super) fn answer_file(&mut self) -> Result<(), Stop> {
        let Some(request) = self.rpc_files.pending(&self.tree) else {
            return Ok(());
        };
        let response = self.rpc_files.response();
        // An unread answer must not be taken for that of the new request, however the new one ends.
        self.tree.remove_file(response);
        let answer = self.rpc.answer(&request, &mut self.deadline)?;
        let now = self.now();
        // A guest that keeps its answers open has no room for more of them: it sees none.
        let response = self.rpc_files.response();
        let _ = self.tree.put_file(response, answer.into_bytes(), now);
        Ok(())
    }

    /// The time that files get.
    pub(super) fn now(&self) -> u64 {
        self.clock.now(Kind::Realtime)
    }
}
