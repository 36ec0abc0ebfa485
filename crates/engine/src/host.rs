//! What a host brings: which modules it admits and how they are rewritten, what they import, and what it keeps of one
//! execution.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::meter::Exhausted;
use crate::rewrite::{Defect, Plan};

/// Rules by which modules are admitted, and the functions that they may import. The value itself is a set of rules, of
/// which there may be several in a process: it is kept with every module that was loaded by it.
pub trait Host: Clone + Send + Sync + Sized + 'static {
    /// What the host wants to know of a module whenever it runs. Kept with the compiled code, also on disk.
    type Facts: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Why a module is not admitted.
    type Refusal;
    /// What the host keeps of one execution.
    type Activation: Activation;

    /// Name, version and every rule that decides what [`Self::examine`] and [`Self::plan`] say: compiled modules of
    /// another identity are never used.
    fn identity(&self) -> String;

    /// The module in a file, which may be compressed.
    ///
    /// # Errors
    /// If there is none.
    fn unpack<'a>(&self, file: &'a [u8]) -> Result<Cow<'a, [u8]>, Self::Refusal> {
        Ok(Cow::Borrowed(file))
    }

    /// Validates a module. What is admitted must be valid by [`crate::FEATURES`] and have globals of numbers only.
    ///
    /// # Errors
    /// If the module is not admitted.
    fn examine(&self, module: &[u8]) -> Result<Self::Facts, Self::Refusal>;

    /// How a module with these facts is rewritten.
    fn plan<'a>(&'a self, facts: &'a Self::Facts) -> Plan<'a>;

    /// What the host says of an admitted module that cannot be rewritten, compiled or instantiated.
    fn refuse(&self, defect: Defect) -> Self::Refusal;
}

/// What a host keeps of one execution: circumstances, and effects as data.
pub trait Activation: Send + 'static {
    /// Why the host ended the execution.
    type Stop: Send + 'static;
    /// What has to be as before when the execution begins again.
    type Mark;

    /// The execution begins: what it may change is remembered.
    fn mark(&mut self) -> Self::Mark;

    /// The execution begins again, on other code, which nobody can tell from the results: effects are dropped and what
    /// was remembered is put back. Heap, globals and counter are the engine's business.
    fn rewind(&mut self, mark: &Self::Mark);

    /// The heap has grown from so many bytes by so many, possibly none.
    ///
    /// # Errors
    /// If it must not; the execution ends.
    fn memory_grown(&mut self, previous: u64, added: u64) -> Result<(), Self::Stop> {
        let _ = (previous, added);
        Ok(())
    }

    /// Instructions that the first access to a Wasm page of the heap costs, and its first write once more; nothing if neither
    /// costs anything, which is faster. It is the same throughout an execution.
    fn touch_price(&self) -> Option<u64> {
        None
    }

    /// The instructions are used up; the execution ends.
    fn exhausted(&mut self, why: Exhausted) -> Self::Stop;
}
