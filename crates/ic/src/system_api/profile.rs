//! What a module calls that was rewritten for a profile: one of its functions begins, or ends. Nothing is charged.

use wasmtime::{Caller, Linker};

use super::api::{Host, Ret, Stop};

pub fn link(l: &mut Linker<Host>) -> Ret<()> {
    l.func_wrap(
        "drun",
        "profile_enter",
        |mut c: Caller<'_, Host>, function: u32, counter: i64| -> Ret<()> {
            let exec = c.data_mut().exec();
            let used = exec.meter.used(counter);
            match &mut exec.recording {
                Some(recording) => match recording.enter(function, used) {
                    true => Ok(()),
                    false => Err(Stop.into()),
                },
                None => Ok(()),
            }
        },
    )?;
    l.func_wrap(
        "drun",
        "profile_leave",
        |mut c: Caller<'_, Host>, counter: i64| {
            let exec = c.data_mut().exec();
            let used = exec.meter.used(counter);
            if let Some(recording) = &mut exec.recording {
                recording.leave(used);
            }
        },
    )?;
    Ok(())
}
