//! The instances of a server: made, found, listed and deleted. An instance is a network behind a lock: who finds it busy waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, TryLockError};

use drun_ic::net::Net;

use super::answer::Refusal;
use super::live::Live;

/// An instance. Its network is gone once it is deleted.
pub(crate) struct Instance {
    pub(crate) id: usize,
    net: Mutex<Option<Net>>,
    /// How it goes on by itself.
    pub(crate) live: Live,
    /// Requests of agents are taken as they are.
    pub(crate) trusting: bool,
}

/// The network of an instance, for one operation.
pub(crate) struct Held<'a>(MutexGuard<'a, Option<Net>>);

impl std::ops::Deref for Held<'_> {
    type Target = Net;
    fn deref(&self) -> &Net {
        self.0.as_ref().expect("looked at when it was taken")
    }
}

impl std::ops::DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Net {
        self.0.as_mut().expect("looked at when it was taken")
    }
}

fn deleted() -> Refusal {
    Refusal::bad("UpdateError { message: \"Instance was deleted\" }")
}

impl Instance {
    /// The network, when nobody else has it.
    ///
    /// # Errors
    /// If the instance was deleted meanwhile, or an operation on it failed.
    pub(crate) fn hold(&self) -> Result<Held<'_>, Refusal> {
        let net = self.net.lock().map_err(|_| broken())?;
        match net.is_some() {
            true => Ok(Held(net)),
            false => Err(deleted()),
        }
    }

    /// The network, if nobody else has it at the moment.
    pub(crate) fn try_hold(&self) -> Option<Result<Held<'_>, Refusal>> {
        match self.net.try_lock() {
            Ok(net) if net.is_some() => Some(Ok(Held(net))),
            Ok(_) => Some(Err(deleted())),
            Err(TryLockError::Poisoned(_)) => Some(Err(broken())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Takes the network away for good.
    fn end(&self) -> Option<Net> {
        self.live.stop();
        let mut net = self.net.lock().unwrap_or_else(PoisonError::into_inner);
        net.take()
    }
}

fn broken() -> Refusal {
    Refusal::new(
        500,
        "this instance cannot be used any more: an operation on it has failed",
    )
}

/// All instances.
#[derive(Default)]
pub(crate) struct Instances(RwLock<Vec<Option<Arc<Instance>>>>);

impl Instances {
    /// Adds an instance; most of them may live at the same time.
    ///
    /// # Errors
    /// If there are too many.
    pub(crate) fn add(
        &self,
        net: Net,
        trusting: bool,
        most: usize,
    ) -> Result<Arc<Instance>, Refusal> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let alive = all.iter().flatten().count();
        if alive >= most {
            return Err(Refusal::bad(format!(
                "there are {alive} instances already, and no more than {most} are allowed: delete one, or start the server with a larger --max-instances"
            )));
        }
        let instance = Arc::new(Instance {
            id: all.len(),
            net: Mutex::new(Some(net)),
            live: Live::default(),
            trusting,
        });
        all.push(Some(Arc::clone(&instance)));
        Ok(instance)
    }

    /// The instance of this number.
    ///
    /// # Errors
    /// If there is none, or none any more.
    pub(crate) fn get(&self, id: usize) -> Result<Arc<Instance>, Refusal> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match all.get(id) {
            Some(Some(instance)) => Ok(Arc::clone(instance)),
            Some(None) => Err(deleted()),
            None => Err(Refusal::bad(
                "UpdateError { message: \"Instance not found\" }",
            )),
        }
    }

    /// The newest instance that goes on by itself, or else the newest of all.
    pub(crate) fn newest(&self) -> Option<Arc<Instance>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let alive = || all.iter().flatten().rev();
        let live = alive().find(|instance| instance.live.is_on());
        live.or_else(|| alive().next()).cloned()
    }

    /// Those that live, oldest first.
    pub(crate) fn alive(&self) -> Vec<Arc<Instance>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().flatten().cloned().collect()
    }

    /// Deletes an instance, when the operation on it has ended; false if there never was one.
    pub(crate) fn delete(&self, id: usize) -> (bool, Option<Net>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = all.get_mut(id) else {
            return (false, None);
        };
        let instance = place.take();
        drop(all);
        (true, instance.and_then(|instance| instance.end()))
    }

    /// The states of all, as `GET /instances` tells them.
    pub(crate) fn list(&self) -> Vec<String> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let state = |instance: &Option<Arc<Instance>>| match instance {
            None => "Deleted".to_owned(),
            Some(instance) => match instance.try_hold() {
                Some(_) => "Available".to_owned(),
                None => format!(
                    "Busy(StateLabel({:032x}), OpId(\"operation\"))",
                    instance.id
                ),
            },
        };
        all.iter().map(state).collect()
    }
}
