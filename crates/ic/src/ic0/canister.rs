//! What a canister may ask about itself and its surroundings: identity, status, time, timer, environment variables, counters.

use drun_engine::{Guest, Imports};

use super::api::{Address, Api, Ic, Ret};
use super::exec::Exec;
use super::mode::{ALL, NOT_START, ROOT_KEY, TIMER};
use crate::errors::{ContractViolation, ExecutionError};

/// Longest principal, in bytes.
const MAX_PRINCIPAL_BYTES: u64 = 29;
/// Longest name of an environment variable that the look-up functions take, in bytes.
const MAX_LOOKUP_NAME_BYTES: u64 = 100;

pub(super) fn link<A: Address>(l: &mut Imports<Ic>) {
    link_identity::<A>(l);
    link_clock(l);
    link_environment::<A>(l)
}

fn link_identity<A: Address>(l: &mut Imports<Ic>) {
    l.function("ic0", "canister_self_size", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "canister_self_size", 500, 0, NOT_START)?;
        Ok(A::from_u64(own_id(api.exec()).len() as u64))
    });
    l.function(
        "ic0",
        "canister_self_copy",
        |c: &mut Guest<'_, Ic>, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "canister_self_copy", 500, size, NOT_START)?;
            let contexts = ["ic0.canister_self_copy heap", "ic0.canister_self_copy id"];
            api.copy_out(contexts, dst, offset, size, own_id)
        },
    );
    l.function("ic0", "subnet_self_size", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "subnet_self_size", 500, 0, NOT_START)?;
        Ok(A::from_u64(subnet_id(api.exec()).len() as u64))
    });
    l.function(
        "ic0",
        "subnet_self_copy",
        |c: &mut Guest<'_, Ic>, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "subnet_self_copy", 500, size, NOT_START)?;
            let contexts = ["ic0.subnet_self_copy heap", "ic0.subnet_self_copy id"];
            api.copy_out(contexts, dst, offset, size, subnet_id)
        },
    );
    l.function("ic0", "subnet_self_node_count", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "subnet_self_node_count", 500, 0, NOT_START)?;
        Ok(u32::try_from(api.exec().subnet.nodes).unwrap_or(u32::MAX))
    });
    l.function("ic0", "root_key_size", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "root_key_size", 500, 0, ROOT_KEY)?;
        Ok(A::from_u64(root_key(api.exec()).len() as u64))
    });
    l.function(
        "ic0",
        "root_key_copy",
        |c: &mut Guest<'_, Ic>, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "root_key_copy", 500, size, ROOT_KEY)?;
            let contexts = ["ic0.root_key_copy heap", "ic0.root_key_copy bytes"];
            api.copy_out(contexts, dst, offset, size, root_key)
        },
    );
    l.function("ic0", "canister_status", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "canister_status", 500, 0, NOT_START)?;
        Ok(api.exec().canister.status)
    });
    l.function("ic0", "canister_version", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "canister_version", 500, 0, NOT_START)?;
        Ok(api.exec().canister.version)
    });
    l.function(
        "ic0",
        "is_controller",
        |c: &mut Guest<'_, Ic>, src: A, size: A| {
            let (src, size) = (src.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "is_controller", 1000, size, ALL)?;
            let range = api.heap_range("ic0.is_controller", src, size)?;
            if size > MAX_PRINCIPAL_BYTES {
                return api.fail(ExecutionError::InvalidPrincipal);
            }
            let (bytes, exec) = api.bytes(range);
            let principal = candid::Principal::from_slice(bytes);
            Ok(u32::from(exec.canister.controllers.contains(&principal)))
        },
    );
    l.function("ic0", "in_replicated_execution", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "in_replicated_execution", 500, 0, ALL)?;
        Ok(u32::from(api.exec().mode.replicated()))
    });
}

fn link_clock(l: &mut Imports<Ic>) {
    l.function("ic0", "time", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "time", 500, 0, NOT_START)?;
        api.exec().effects.dependencies.time = true;
        Ok(api.exec().time)
    });
    l.function(
        "ic0",
        "global_timer_set",
        |c: &mut Guest<'_, Ic>, timestamp: u64| {
            let mut api = Api::enter(c, "global_timer_set", 500, 0, TIMER)?;
            let exec = api.exec();
            let previous = exec.effects.timer_set.replace(timestamp);
            Ok(previous.unwrap_or(exec.canister.timer))
        },
    );
    l.function(
        "ic0",
        "performance_counter",
        |c: &mut Guest<'_, Ic>, kind: u32| {
            let mut api = Api::enter(c, "performance_counter", 200, 0, ALL)?;
            let executed = api.executed();
            match kind {
                0 => Ok(executed),
                1 => Ok(executed + api.exec().message.context_instructions),
                kind => api.violation(ContractViolation::PerformanceCounterType(kind)),
            }
        },
    );
}

fn link_environment<A: Address>(l: &mut Imports<Ic>) {
    l.function("ic0", "env_var_count", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "env_var_count", 500, 0, NOT_START)?;
        Ok(A::from_u64(api.exec().canister.environment.len() as u64))
    });
    l.function(
        "ic0",
        "env_var_name_size",
        |c: &mut Guest<'_, Ic>, index: A| {
            let mut api = Api::enter(c, "env_var_name_size", 500, 0, NOT_START)?;
            Ok(A::from_u64(name_at(&mut api, index.to_u64())?.len() as u64))
        },
    );
    l.function(
        "ic0",
        "env_var_name_copy",
        |c: &mut Guest<'_, Ic>, index: A, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "env_var_name_copy", 500, size, NOT_START)?;
            let index = index.to_u64();
            name_at(&mut api, index)?;
            let contexts = ["ic0.env_var_name_copy heap", "ic0.env_var_name_copy name"];
            api.copy_out(contexts, dst, offset, size, |exec| {
                let name = exec.canister.environment.keys().nth(index as usize);
                name.map_or(&[], |name| name.as_bytes())
            })
        },
    );
    l.function(
        "ic0",
        "env_var_name_exists",
        |c: &mut Guest<'_, Ic>, src: A, size: A| {
            let mut api = Api::enter(c, "env_var_name_exists", 500, 0, NOT_START)?;
            let (api_name, context) = ("env_var_name_exists", "ic0.env_var_name_exists heap");
            let name = read_name(&mut api, api_name, context, src.to_u64(), size.to_u64())?;
            Ok(u32::from(
                api.exec().canister.environment.contains_key(&name),
            ))
        },
    );
    l.function(
        "ic0",
        "env_var_value_size",
        |c: &mut Guest<'_, Ic>, src: A, size: A| {
            let mut api = Api::enter(c, "env_var_value_size", 500, 0, NOT_START)?;
            let (api_name, context) = ("env_var_value_size", "ic0.env_var_value_size heap");
            let name = read_name(&mut api, api_name, context, src.to_u64(), size.to_u64())?;
            Ok(A::from_u64(value_of(&mut api, name)?.len() as u64))
        },
    );
    l.function(
        "ic0",
        "env_var_value_copy",
        |c: &mut Guest<'_, Ic>, name_src: A, name_size: A, dst: A, offset: A, size: A| {
            let (dst, offset, size) = (dst.to_u64(), offset.to_u64(), size.to_u64());
            let mut api = Api::enter(c, "env_var_value_copy", 500, size, NOT_START)?;
            let (api_name, context) = ("env_var_value_copy", "ic0.env_var_value_copy name");
            let name = read_name(
                &mut api,
                api_name,
                context,
                name_src.to_u64(),
                name_size.to_u64(),
            )?;
            value_of(&mut api, name.clone())?;
            let contexts = [
                "ic0.env_var_value_copy heap",
                "ic0.env_var_value_copy value",
            ];
            api.copy_out(contexts, dst, offset, size, |exec| {
                let value = exec.canister.environment.get(&name);
                value.map_or(&[], |value| value.as_bytes())
            })
        },
    );
}

fn own_id(exec: &Exec) -> &[u8] {
    exec.canister.id.as_slice()
}

fn subnet_id(exec: &Exec) -> &[u8] {
    exec.subnet.subnet_id.as_slice()
}

fn root_key(exec: &Exec) -> &[u8] {
    exec.subnet.certification.root_key()
}

fn name_at(api: &mut Api<'_, '_>, index: u64) -> Ret<String> {
    let environment = api.exec().canister.environment.clone();
    let name = usize::try_from(index)
        .ok()
        .and_then(|i| environment.keys().nth(i));
    match name {
        Some(name) => Ok(name.clone()),
        None => api.fail(ExecutionError::EnvironmentVariableIndexOutOfBounds {
            index,
            length: environment.len() as u64,
        }),
    }
}

fn read_name(
    api: &mut Api<'_, '_>,
    name: &'static str,
    context: &'static str,
    src: u64,
    size: u64,
) -> Ret<String> {
    if size > MAX_LOOKUP_NAME_BYTES {
        return api.violation(ContractViolation::EnvironmentVariableNameTooLong { api: name });
    }
    let bytes = api.read(context, src, size)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_) => api.violation(ContractViolation::EnvironmentVariableNameNotUtf8 { api: name }),
    }
}

fn value_of(api: &mut Api<'_, '_>, name: String) -> Ret<String> {
    match api.exec().canister.environment.get(&name).cloned() {
        Some(value) => Ok(value),
        None => api.fail(ExecutionError::EnvironmentVariableNotFound { name }),
    }
}
