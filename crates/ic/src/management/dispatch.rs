//! Executes a call of the management canister: finds its row and has it run. What a method does stands in the file of its family.

use candid::Principal;

use super::call::{Call, Caller, Notice};
use super::method::Method;
use super::row::Argument;
use super::{Outcalls, State};
use crate::canister::queues::Carried;
use crate::errors::{ErrorCode, QueryError, UserError};
use crate::observe::Observers;
use crate::protocol::Date;

/// What became of a call.
#[derive(Debug)]
pub enum Verdict {
    /// It has its answer.
    Answered {
        /// The answer.
        result: Result<Vec<u8>, UserError>,
        /// Cycles that go back.
        refund: u128,
    },
    /// It will have one later.
    Waiting,
}

/// The argument that a call carries; decoded now if nobody did before.
pub fn open(carried: &mut Carried, method: Method, payload: &[u8], date: Date) -> Argument {
    Argument::carried(carried, || method.open(payload, date))
}

/// Executes a call with an argument of so many bytes. The one decoded is there if the method is known.
pub fn execute(
    state: &mut State,
    outcalls: &mut Outcalls,
    caller: Caller,
    method: Result<(Method, Argument), &str>,
    argument_bytes: usize,
    notices: &mut Vec<Notice>,
    observers: &mut Observers,
) -> Verdict {
    let cycles = match &caller {
        Caller::User { .. } => 0,
        Caller::Canister(request) => request.cycles,
    };
    let (method, argument) = match method {
        Ok(known) => known,
        Err(name) => {
            // Only calls that name the subnet come here with an unknown method.
            let text = format!("Management canister has no method '{name}'");
            return Verdict::Answered {
                refund: cycles,
                result: Err(UserError::new(ErrorCode::CanisterMethodNotFound, text)),
            };
        }
    };
    let mut call = Call {
        caller: &caller,
        name: method.name(),
        argument_bytes,
        refund: cycles,
        notices,
        observers,
    };
    let acted_on = argument.canister();
    let answer = match argument.run(state, outcalls, &mut call) {
        Ok(None) => return Verdict::Waiting,
        Ok(Some(reply)) => Ok(reply),
        Err(error) => Err(error),
    };
    if answer.is_ok()
        && let Ok(Some(id)) = acted_on
    {
        state.lend(&id, |state, canister| state.update_hook(canister));
    }
    Verdict::Answered {
        refund: call.refund,
        result: answer.map_err(UserError::from),
    }
}

/// A query of the management canister by a user.
pub fn query(
    state: &State,
    sender: &Principal,
    name: &str,
    payload: &[u8],
) -> Result<Vec<u8>, UserError> {
    let method = name.parse::<Method>().ok();
    match method.and_then(|method| method.row().query) {
        Some((known, query)) if known.to(state.config.protocol.date) => {
            query(state, sender, payload)
        }
        Some((known, _)) => {
            let date = state.config.protocol.date;
            state
                .notes
                .another_date(date, format_args!("{name} as a query"), known.era());
            Err(QueryError::UnknownManagementMethod(name.to_owned()).into())
        }
        None => Err(QueryError::UnknownManagementMethod(name.to_owned()).into()),
    }
}
