//! The instances of a server: made, found, listed and deleted. An instance is a network behind a lock: who finds it busy waits.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, TryLockError};

use drun_certification::agent::Endpoint;
use drun_ic::net::Net;

use super::answer::Refusal;
use super::live::Live;
use super::state_dir::StateDir;

/// What is behind the lock of an instance.
struct Inside {
    net: Net,
    /// The endpoints of agents, made when the first one comes.
    endpoint: Option<Endpoint>,
}

/// An instance. Its network is gone once it is deleted.
pub(crate) struct Instance {
    pub(crate) id: usize,
    inside: Mutex<Option<Inside>>,
    /// How it goes on by itself.
    pub(crate) live: Live,
    /// Requests of agents are taken as they are.
    pub(crate) trusting: bool,
    /// Where its state is kept, from the time when it is set up.
    state_dir: OnceLock<StateDir>,
}

/// The network of an instance, for one operation.
pub(crate) struct Held<'a>(MutexGuard<'a, Option<Inside>>);

impl std::ops::Deref for Held<'_> {
    type Target = Net;
    fn deref(&self) -> &Net {
        &self.0.as_ref().expect("looked at when it was taken").net
    }
}

impl std::ops::DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Net {
        &mut self.0.as_mut().expect("looked at when it was taken").net
    }
}

impl Held<'_> {
    /// The network with its endpoints of agents.
    pub(crate) fn with_endpoint(&mut self) -> (&mut Net, &mut Option<Endpoint>) {
        let inside = self.0.as_mut().expect("looked at when it was taken");
        (&mut inside.net, &mut inside.endpoint)
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
        let inside = self.inside.lock().map_err(|_| broken())?;
        match inside.is_some() {
            true => Ok(Held(inside)),
            false => Err(deleted()),
        }
    }

    /// The network, if nobody else has it at the moment.
    pub(crate) fn try_hold(&self) -> Option<Result<Held<'_>, Refusal>> {
        match self.inside.try_lock() {
            Ok(net) if net.is_some() => Some(Ok(Held(net))),
            Ok(_) => Some(Err(deleted())),
            Err(TryLockError::Poisoned(_)) => Some(Err(broken())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// From now on its state is kept there.
    pub(crate) fn keep_in(&self, state_dir: Option<StateDir>) {
        if let Some(state_dir) = state_dir {
            // It is told once, when the instance is set up.
            let _ = self.state_dir.set(state_dir);
        }
    }

    /// Is its state kept anywhere?
    pub(crate) fn is_kept(&self) -> bool {
        self.state_dir.get().is_some()
    }

    /// Takes the network away for good, when its state is written. What a failed operation has left is no state: the one that was written
    /// before stays.
    pub(crate) fn end(&self) -> Option<Net> {
        self.live.stop();
        let locked = self.inside.lock();
        let failed = locked.is_err();
        let mut inside = locked.unwrap_or_else(PoisonError::into_inner);
        let mut net = inside.take().map(|inside| inside.net);
        if let (false, Some(directory), Some(net)) = (failed, self.state_dir.get(), &mut net) {
            directory.write_last(net);
        }
        net
    }

    /// Writes the state if it has changed since it was last written, and nobody works on it.
    pub(crate) fn checkpoint(&self) {
        if let Some(directory) = self.state_dir.get()
            && let Some(Ok(mut net)) = self.try_hold()
            && directory.is_behind(&net)
        {
            directory.write(&mut net);
        }
    }
}

fn broken() -> Refusal {
    Refusal::new(
        500,
        "this instance cannot be used any more: an operation on it has failed",
    )
}

/// All instances. Of those that were deleted nothing is left.
#[derive(Default)]
pub(crate) struct Instances(RwLock<All>);

#[derive(Default)]
struct All {
    /// Instances that were made, and the number of the next one.
    made: usize,
    alive: BTreeMap<usize, Arc<Instance>>,
}

impl Instances {
    /// Adds an instance, whose state is kept nowhere yet; most of them may live at the same time.
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
        let alive = all.alive.len();
        if alive >= most {
            return Err(Refusal::bad(format!(
                "there are {alive} instances already, and no more than {most} are allowed: delete one, or start the server with a larger --max-instances"
            )));
        }
        let instance = Arc::new(Instance {
            id: all.made,
            inside: Mutex::new(Some(Inside {
                net,
                endpoint: None,
            })),
            live: Live::default(),
            trusting,
            state_dir: OnceLock::new(),
        });
        all.made += 1;
        all.alive.insert(instance.id, Arc::clone(&instance));
        Ok(instance)
    }

    /// The instance of this number.
    ///
    /// # Errors
    /// If there is none, or none any more.
    pub(crate) fn get(&self, id: usize) -> Result<Arc<Instance>, Refusal> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match all.alive.get(&id) {
            Some(instance) => Ok(Arc::clone(instance)),
            None if id < all.made => Err(deleted()),
            None => Err(Refusal::bad(
                "UpdateError { message: \"Instance not found\" }",
            )),
        }
    }

    /// The newest instance that goes on by itself, or else the newest of all.
    pub(crate) fn newest(&self) -> Option<Arc<Instance>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let alive = || all.alive.values().rev();
        let live = alive().find(|instance| instance.live.is_on());
        live.or_else(|| alive().next()).cloned()
    }

    /// Those that live, oldest first.
    pub(crate) fn alive(&self) -> Vec<Arc<Instance>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.alive.values().cloned().collect()
    }

    /// Deletes an instance, when the operation on it has ended; false if there never was one.
    pub(crate) fn delete(&self, id: usize) -> (bool, Option<Net>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let (was_there, instance) = (id < all.made, all.alive.remove(&id));
        drop(all);
        (was_there, instance.and_then(|instance| instance.end()))
    }

    /// The states of all, as `GET /instances` tells them.
    pub(crate) fn list(&self) -> Vec<Cow<'static, str>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let state = |id: usize| match all.alive.get(&id) {
            None => "Deleted".into(),
            Some(instance) => match instance.try_hold() {
                Some(_) => "Available".into(),
                None => {
                    let id = instance.id;
                    format!("Busy(StateLabel({id:032x}), OpId(\"operation\"))").into()
                }
            },
        };
        (0..all.made).map(state).collect()
    }
}

#[cfg(test)]
mod tests {
    use drun_ic::net::{NetSettings, SubnetKind, SubnetSpec};

    use super::*;

    #[test]
    fn what_a_failed_operation_has_left_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let mut net = Net::new(NetSettings::default());
        net.add(SubnetSpec::new(SubnetKind::Application));
        let instance = Instances::default().add(net, false, 1).unwrap();
        instance.keep_in(Some(StateDir::open(directory.path()).unwrap()));
        let failing = Arc::clone(&instance);
        let failed = std::thread::spawn(move || {
            let _net = failing.hold();
            std::panic::resume_unwind(Box::new("the machine has failed"));
        });
        assert!(failed.join().is_err());
        instance.checkpoint();
        assert!(instance.end().is_some());
        let kept = std::fs::read_dir(directory.path()).unwrap();
        assert_eq!(kept.count(), 0);
    }
}
