//! Cycles: balance, what came with the call, what goes with a call, burning and minting.

use candid::Principal;
use drun_engine::{Guest, Imports};

use super::api::{Address, Api, Ic, Ret};
use super::calls::open_call;
use super::exec::Exec;
use super::mode::{ACCEPT_CYCLES, BURN, NOT_START, REFUND, SEND_CYCLES};
use crate::errors::{ContractViolation, ExecutionError, OutOfCycles, Trap};

/// Number of the canister that may mint: the cycles minting canister of the main network.
const MINTING_CANISTER: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 4, 1, 1]);

pub(super) fn link<A: Address>(l: &mut Imports<Ic>) {
    if !A::WASM64 {
        link_64_bit_amounts(l);
    }
    l.function(
        "ic0",
        "canister_cycle_balance128",
        |c: &mut Guest<'_, Ic>, dst: A| {
            let mut api = Api::enter(c, "canister_cycle_balance128", 500, 0, NOT_START)?;
            let balance = read_balance(api.exec());
            api.store_u128("canister_cycle_balance128", dst.to_u64(), balance)
        },
    );
    l.function(
        "ic0",
        "canister_liquid_cycle_balance128",
        |c: &mut Guest<'_, Ic>, dst: A| {
            let name = "canister_liquid_cycle_balance128";
            let mut api = Api::enter(c, name, 500, 0, NOT_START)?;
            let liquid = read_balance(api.exec()).saturating_sub(api.exec().freezing_threshold(0));
            api.store_u128("canister_liquid_cycle_balance128", dst.to_u64(), liquid)
        },
    );
    l.function(
        "ic0",
        "msg_cycles_available128",
        |c: &mut Guest<'_, Ic>, dst: A| {
            let mut api = Api::enter(c, "msg_cycles_available128", 500, 0, ACCEPT_CYCLES)?;
            let available = api.exec().message.available_cycles;
            api.store_u128("msg_cycles_available128", dst.to_u64(), available)
        },
    );
    l.function(
        "ic0",
        "msg_cycles_refunded128",
        |c: &mut Guest<'_, Ic>, dst: A| {
            let mut api = Api::enter(c, "msg_cycles_refunded128", 500, 0, REFUND)?;
            let refunded = api.exec().message.refunded_cycles;
            api.store_u128("msg_cycles_refunded128", dst.to_u64(), refunded)
        },
    );
    l.function(
        "ic0",
        "msg_cycles_accept128",
        |c: &mut Guest<'_, Ic>, high: u64, low: u64, dst: A| {
            let mut api = Api::enter(c, "msg_cycles_accept128", 500, 0, ACCEPT_CYCLES)?;
            let accepted = accept(api.exec(), amount(high, low));
            api.store_u128("msg_cycles_accept128", dst.to_u64(), accepted)
        },
    );
    l.function(
        "ic0",
        "call_cycles_add128",
        |c: &mut Guest<'_, Ic>, high: u64, low: u64| {
            let mut api = Api::enter(c, "call_cycles_add128", 500, 0, SEND_CYCLES)?;
            attach(&mut api, "call_cycles_add128", amount(high, low))
        },
    );
    l.function(
        "ic0",
        "cycles_burn128",
        |c: &mut Guest<'_, Ic>, high: u64, low: u64, dst: A| {
            let mut api = Api::enter(c, "cycles_burn128", 500, 0, BURN)?;
            let exec = api.exec();
            let liquid = exec
                .canister
                .balance
                .saturating_sub(exec.freezing_threshold(0));
            let burned = amount(high, low).min(liquid);
            exec.canister.balance -= burned;
            exec.effects.burned += burned;
            api.store_u128("cycles_burn128", dst.to_u64(), burned)
        },
    );
    l.function(
        "ic0",
        "mint_cycles128",
        |c: &mut Guest<'_, Ic>, high: u64, low: u64, dst: A| {
            let mut api = Api::enter(c, "mint_cycles128", 0, 0, SEND_CYCLES)?;
            let id = api.exec().canister.id;
            if id != MINTING_CANISTER {
                return api.violation(ContractViolation::CannotMint { canister: id });
            }
            let exec = api.exec();
            let before = exec.canister.balance;
            exec.canister.balance = before.saturating_add(amount(high, low));
            let minted = exec.canister.balance - before;
            api.store_u128("mint_cycles128", dst.to_u64(), minted)
        },
    );
}

fn link_64_bit_amounts(l: &mut Imports<Ic>) {
    l.function("ic0", "canister_cycle_balance", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "canister_cycle_balance", 500, 0, NOT_START)?;
        let balance = read_balance(api.exec());
        as_u64(&mut api, balance)
    });
    l.function("ic0", "msg_cycles_available", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "msg_cycles_available", 500, 0, ACCEPT_CYCLES)?;
        let available = api.exec().message.available_cycles;
        as_u64(&mut api, available)
    });
    l.function("ic0", "msg_cycles_refunded", |c: &mut Guest<'_, Ic>| {
        let mut api = Api::enter(c, "msg_cycles_refunded", 500, 0, REFUND)?;
        let refunded = api.exec().message.refunded_cycles;
        as_u64(&mut api, refunded)
    });
    l.function(
        "ic0",
        "msg_cycles_accept",
        |c: &mut Guest<'_, Ic>, max: u64| {
            let mut api = Api::enter(c, "msg_cycles_accept", 500, 0, ACCEPT_CYCLES)?;
            Ok(accept(api.exec(), u128::from(max)) as u64)
        },
    );
    l.function(
        "ic0",
        "call_cycles_add",
        |c: &mut Guest<'_, Ic>, cycles: u64| {
            let mut api = Api::enter(c, "call_cycles_add", 500, 0, SEND_CYCLES)?;
            attach(&mut api, "call_cycles_add", u128::from(cycles))
        },
    );
}

fn amount(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

fn read_balance(exec: &mut Exec) -> u128 {
    exec.effects.dependencies.balance = true;
    exec.canister.balance
}

fn as_u64(api: &mut Api<'_, '_>, cycles: u128) -> Ret<u64> {
    match u64::try_from(cycles) {
        Ok(cycles) => Ok(cycles),
        Err(_) => api.trap(Trap::CyclesAmountTooBigFor64Bit),
    }
}

fn accept(exec: &mut Exec, max: u128) -> u128 {
    let accepted = exec.message.available_cycles.min(max);
    exec.message.available_cycles -= accepted;
    exec.canister.balance = exec.canister.balance.saturating_add(accepted);
    accepted
}

fn attach(api: &mut Api<'_, '_>, name: &'static str, cycles: u128) -> Ret<()> {
    open_call(api, name)?;
    let exec = api.exec();
    let threshold = exec.freezing_threshold(0);
    let available = exec.canister.balance;
    if available.saturating_sub(threshold) < cycles {
        let error = ExecutionError::InsufficientCycles(OutOfCycles {
            canister: exec.canister.id,
            threshold,
            requested: cycles,
            available,
            reveal: false,
        });
        return api.fail(error);
    }
    exec.canister.balance -= cycles;
    if let Some(call) = &mut exec.effects.call {
        call.cycles += cycles;
    }
    Ok(())
}
