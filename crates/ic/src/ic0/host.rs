//! The Internet Computer as the engine sees it: which modules it admits, what their operators cost, what they import.

use std::borrow::Cow;

use drun_engine::rewrite::{Defect, Plan};
use drun_engine::{Address, Host, Imports, Linking};

use super::api::Ic;
use super::exec::Exec;
use super::{answer, calls, canister, certificate, cost, cycles, debug, message, stable};
use crate::errors::{ExecutionError, ModuleError};
use crate::module::{ModuleFacts, decode, plan, validate};

impl Host for Ic {
    type Facts = ModuleFacts;
    type Refusal = ExecutionError;
    type Activation = Exec;

    fn identity(&self) -> String {
        format!("drun-ic {} {:?}", env!("CARGO_PKG_VERSION"), self.limits)
    }

    fn unpack<'a>(&self, file: &'a [u8]) -> Result<Cow<'a, [u8]>, ExecutionError> {
        Ok(decode(file)?)
    }

    fn examine(&self, module: &[u8]) -> Result<ModuleFacts, ExecutionError> {
        Ok(validate(module, &self.limits)?)
    }

    fn plan<'a>(&'a self, facts: &'a ModuleFacts) -> Plan<'a> {
        plan(facts, &self.limits)
    }

    fn refuse(&self, defect: Defect) -> ExecutionError {
        ExecutionError::Module(match defect {
            Defect::DataOutsideMemory { offset, len } => {
                ModuleError::DataOutsideMemory { offset, len }
            }
            Defect::DataOffset(operator) => ModuleError::DataOffset32(operator),
            Defect::Unreadable(error) => ModuleError::NotDeserializable(error),
            Defect::Unencodable(error) => ModuleError::NotSerializable(error),
            Defect::Instantiation(reason) => return ExecutionError::instantiation(reason),
        })
    }
}

impl Linking for Ic {
    fn link<A: Address>(imports: &mut Imports<Self>) {
        message::link::<A>(imports);
        answer::link::<A>(imports);
        canister::link::<A>(imports);
        calls::link::<A>(imports);
        cycles::link::<A>(imports);
        cost::link::<A>(imports);
        certificate::link::<A>(imports);
        stable::link::<A>(imports);
        debug::link::<A>(imports);
    }
}
