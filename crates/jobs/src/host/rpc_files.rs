//! RPC by two files: a guest writes a request into one and looks for the answer in the other. The answer is there as
//! soon as the guest looks, and it is whole: a request is answered inside the guest's own call, once, when nobody can
//! write to its file any more.

use super::filesystem::{ROOT, Tree};

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

    /// The name under which the answer appears.
    pub(super) fn response(&self) -> &str {
        &self.response
    }

    /// The request that waits for an answer.
    pub(super) fn pending(&mut self, tree: &Tree) -> Option<Vec<u8>> {
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
