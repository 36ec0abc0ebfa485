//! Installations of several slices, each of which takes a round (scheduling.md 1.1, P7, and 6). The code has run already when
//! the first slice is shown, and queries see what it did; what is left is to keep the canister still until the last slice,
//! print what belongs to each, and give the answer then.

use candid::Principal;

use super::Node;
use super::management_queue::ManagementCall;
use crate::errors::UserError;
use crate::management::{LongInstall, Method};

/// An installation under way.
#[derive(Clone, Debug)]
pub(super) struct Installing {
    /// Its slices.
    install: LongInstall,
    /// Slices that have had their round; none after a checkpoint.
    done: usize,
    call: ManagementCall,
    result: Result<Vec<u8>, UserError>,
    refund: u128,
}

impl Installing {
    /// The canister that is installed.
    pub(super) fn canister(&self) -> Principal {
        self.install.canister
    }
}

impl Node {
    /// Begins to let the rounds of an installation pass; it has had the first one.
    pub(super) fn begin_install(
        &mut self,
        install: LongInstall,
        call: ManagementCall,
        result: Result<Vec<u8>, UserError>,
        refund: u128,
    ) {
        self.next_install_slice(Installing {
            install,
            done: 0,
            call,
            result,
            refund,
        });
    }

    /// Lets the next slice of an installation have its round.
    pub(super) fn continue_install(&mut self) {
        if let Some(mut installing) = self.installing.take() {
            if installing.done == 0 {
                // It begins anew, at the time of this round.
                for (_, line) in &mut installing.install.prints {
                    line.time = self.state.time;
                }
            }
            self.next_install_slice(installing);
        }
    }

    fn next_install_slice(&mut self, mut installing: Installing) {
        let lines = installing.install.prints.iter();
        let of_slice = lines.filter(|(slice, _)| *slice == installing.done);
        for (_, line) in of_slice {
            self.observers.printed(line);
        }
        installing.done += 1;
        if installing.done == installing.install.slices {
            self.answer_management(installing.call, installing.result, installing.refund);
        } else {
            self.installing = Some(installing);
        }
    }

    /// A checkpoint undoes what an installation under way has done.
    pub(super) fn abort_install(&mut self) {
        if let Some(installing) = &mut self.installing {
            installing.done = 0;
        }
    }

    /// True while a sliced installation of this canister is under way.
    pub(super) fn is_installing(&self, canister: &Principal) -> bool {
        self.installing
            .as_ref()
            .is_some_and(|installing| installing.canister() == *canister)
    }

    /// True for methods of which one at a time may take several slices, while one does.
    pub(super) fn waits_for_install(&self, method: Method) -> bool {
        let installs = matches!(method, Method::InstallCode | Method::InstallChunkedCode);
        installs && self.installing.is_some()
    }
}
