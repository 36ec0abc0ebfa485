//! What a row of the table of methods holds, and the argument of a call: decoded once, by its row, and carried with the call
//! until the method takes it. Which rows there are is not known here.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use candid::Principal;

use super::call::Call;
use super::decode::{DecodeError, Given};
use super::method::{Destination, Ingress, Known, Method};
use super::types::keys::KeyId;
use super::{Outcalls, State};
use crate::canister::queues::Carried;
use crate::errors::{ManagementError, UserError};

/// What a method answers at once, or nothing if it will answer later.
pub(super) type Outcome = Result<Option<Vec<u8>>, ManagementError>;

/// A method as a query: of whom, with which argument.
pub(super) type Query = fn(&State, &Principal, &[u8]) -> Result<Vec<u8>, UserError>;

/// All that is known of a method.
pub(super) struct Row {
    /// Which it is.
    pub method: Method,
    /// The name a caller uses.
    pub name: &'static str,
    /// Its name in `SubnetNotFound(CanisterId(…), {name})`. Five methods with the same argument share one.
    pub routed_as: &'static str,
    /// Which replica has it.
    pub known: Known,
    /// What is asked of a user who calls it.
    pub ingress: Ingress,
    /// What it does as a query of a user, and where it is one.
    pub query: Option<(Known, Query)>,
    /// Does it wait while the round's instructions for management calls are used up (scheduling.md 1.4)?
    pub heavy: bool,
    /// What is done with its argument.
    pub work: &'static dyn Work,
}

/// The columns that depend on the type of the argument.
pub(super) struct Typed<A: 'static> {
    /// Reads it.
    pub decode: fn(&[u8]) -> Given<A>,
    /// Where a canister's call goes, and on which canister it acts.
    pub goes: Goes<A>,
    /// The `sender_canister_version`, if there is such a field: then a canister's call is compared with it before it leaves.
    pub sender_version: Option<fn(&A) -> Option<u64>>,
    /// Does it. An argument that does not decode is refused where the method first needs it.
    pub run: fn(&mut State, &mut Outcalls, &mut Call<'_>, Given<A>) -> Outcome,
}

/// Where a canister's call goes (section 0.1, step 2). Every kind but the first takes a whole argument that decodes.
pub(super) enum Goes<A> {
    /// To the caller's own subnet; the payload is not looked at.
    OwnSubnet,
    /// To the subnet of the canister that it acts on.
    SubnetOf(fn(&A) -> Principal),
    /// To this principal.
    Principal(fn(&A) -> Principal),
    /// To a subnet that holds this key, enabled for signing or not.
    Key { key: fn(&A) -> KeyId, enabled: bool },
}

/// [`Typed`] without the type.
pub(super) trait Work: Sync {
    /// Decodes the argument.
    fn open(&'static self, payload: &[u8]) -> Argument;
    /// Does the argument hold the version of the sender?
    fn has_sender_version(&self) -> bool;
}

impl<A: Clone + Send + Sync> Work for Typed<A> {
    fn open(&'static self, payload: &[u8]) -> Argument {
        Argument(Arc::new(Bound {
            typed: self,
            given: (self.decode)(payload),
        }))
    }

    fn has_sender_version(&self) -> bool {
        self.sender_version.is_some()
    }
}

/// The argument of a call, decoded.
#[derive(Clone)]
pub struct Argument(Arc<dyn Opened>);

impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Argument").field(&self.canister()).finish()
    }
}

impl Argument {
    /// The canister that it names as the one to act on; `None` if the method has no such canister.
    ///
    /// # Errors
    /// The whole argument has to decode, not only the id.
    pub fn canister(&self) -> Result<Option<Principal>, DecodeError> {
        self.0.canister()
    }

    /// Where a canister's call goes.
    ///
    /// # Errors
    /// If that is told by an argument that does not decode.
    pub fn destination(&self) -> Result<Destination, DecodeError> {
        self.0.destination()
    }

    /// The `sender_canister_version`; `None` if it is absent or the method has no such field.
    ///
    /// # Errors
    /// If the method has such a field and the argument does not decode.
    pub fn sender_version(&self) -> Result<Option<u64>, DecodeError> {
        self.0.sender_version()
    }

    /// Does what the method does.
    pub(super) fn run(
        self,
        state: &mut State,
        outcalls: &mut Outcalls,
        call: &mut Call<'_>,
    ) -> Outcome {
        self.0.run(state, outcalls, call)
    }

    /// What a call carries: the argument if it was decoded before, or else what `decode` makes of it now.
    pub(super) fn carried(carried: &mut Carried, decode: impl FnOnce() -> Argument) -> Argument {
        if let Some(argument) = carried
            .as_deref()
            .and_then(|any| <dyn Any>::downcast_ref::<Argument>(any))
        {
            return argument.clone();
        }
        let argument = decode();
        *carried = Some(Arc::new(argument.clone()));
        argument
    }
}

/// An argument and the row that decoded it.
struct Bound<A: 'static> {
    typed: &'static Typed<A>,
    given: Given<A>,
}

/// [`Bound`] without the type.
trait Opened: Send + Sync {
    fn canister(&self) -> Result<Option<Principal>, DecodeError>;
    fn destination(&self) -> Result<Destination, DecodeError>;
    fn sender_version(&self) -> Result<Option<u64>, DecodeError>;
    fn run(
        self: Arc<Self>,
        state: &mut State,
        outcalls: &mut Outcalls,
        call: &mut Call<'_>,
    ) -> Outcome;
}

impl<A> Bound<A> {
    fn args(&self) -> Result<&A, DecodeError> {
        self.given.as_ref().map_err(DecodeError::clone)
    }
}

impl<A: Clone + Send + Sync> Opened for Bound<A> {
    fn canister(&self) -> Result<Option<Principal>, DecodeError> {
        match self.typed.goes {
            Goes::SubnetOf(canister) => Ok(Some(canister(self.args()?))),
            _ => Ok(None),
        }
    }

    fn destination(&self) -> Result<Destination, DecodeError> {
        Ok(match self.typed.goes {
            Goes::OwnSubnet => Destination::OwnSubnet,
            Goes::SubnetOf(canister) => Destination::SubnetOf(canister(self.args()?)),
            Goes::Principal(principal) => Destination::Principal(principal(self.args()?)),
            Goes::Key { key, enabled } => Destination::Key {
                key: key(self.args()?),
                enabled,
            },
        })
    }

    fn sender_version(&self) -> Result<Option<u64>, DecodeError> {
        match self.typed.sender_version {
            Some(version) => Ok(version(self.args()?)),
            None => Ok(None),
        }
    }

    fn run(
        self: Arc<Self>,
        state: &mut State,
        outcalls: &mut Outcalls,
        call: &mut Call<'_>,
    ) -> Outcome {
        let run = self.typed.run;
        let given = match Arc::try_unwrap(self) {
            Ok(bound) => bound.given,
            Err(shared) => shared.given.clone(),
        };
        run(state, outcalls, call, given)
    }
}
