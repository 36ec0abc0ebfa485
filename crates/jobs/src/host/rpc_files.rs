//! RPC by two files: a guest writes a request into one and looks for the answer in the other. The answer is there as
//! soon as the guest looks, and it is whole: a request is answered inside the guest's own call, once, when nobody can
//! write to its file any more.

use super::guest::Guest;
use super::wasi::{ROOT, Tree};
use crate::job::Stop;

/// The two files of a job.
#[derive(Debug)]
pub(super) struct RpcFiles {
    request: String,
    response: String,
    /// Which state of which file was answered last.
    answered: Option<(u64, u64)>,
}

impl RpcFiles {
    /// Files with these names in the working directory.
    pub(super) fn new(request: String, response: String) -> Self {
        RpcFiles {
            request,
            response,
            answered: None,
        }
    }

    /// Whether a path that a guest names leads to the answer.
    pub(super) fn is_response(&self, name: &str) -> bool {
        self.response == name
    }

    /// The request that waits for an answer.
    fn pending(&mut self, tree: &Tree) -> Option<Vec<u8>> {
        let node = tree.child(ROOT, &self.request)?;
        let file = tree.file(node)?;
        if file.is_empty() || tree.writers(node) > 0 {
            return None;
        }
        let state = Some(tree.state(node));
        if self.answered == state {
            return None;
        }
        self.answered = state;
        Some(file.to_vec())
    }
}

/// Answers a complete request. To be called before a guest can look.
///
/// # Errors
/// If the job must stop.
pub(super) fn answer(guest: &mut Guest) -> Result<(), Stop> {
    let Some(request) = guest.rpc_files.pending(&guest.tree) else {
        return Ok(());
    };
    // An unread answer must not be taken for that of the new request, however the new one ends.
    guest.tree.remove_file(&guest.rpc_files.response);
    let answer = guest.rpc.answer(&request, &mut guest.deadline)?;
    let now = guest.now();
    let response = &guest.rpc_files.response;
    // A guest that keeps its answers open has no room for more of them: it sees none.
    let _ = guest.tree.put_file(response, answer.into_bytes(), now);
    Ok(())
}
