//! Cycles: balance, what came with the call, what goes with a call, burning and minting.

use candid::Principal;
use wasmtime::{Caller, Linker};

use super::api::{Address, Api, Host, Ret};
use super::calls::open_call;
use super::exec::Exec;
use super::mode::{ACCEPT_CYCLES, BURN, NOT_START, REFUND, SEND_CYCLES};
use crate::errors::{ContractViolation, ExecutionError, OutOfCycles, Trap};

/// Number of the canister that may mint: the cycles minting canister of the main network.
const MINTING_CANISTER: Principal = Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 4, 1, 1]);

pub fn link<A: Address>(l: &mut Linker<Host>) -> Ret<()> {
    if !A::WASM64 {
        link_64_bit_amounts(l)?;
    }
    l.func_wrap(
        "ic0",
        "canister_cycle_balance128",
        |mut c: Caller<'_, Host>, dst: A| {
            let mut api = Api::enter(&mut c, "canister_cycle_balance128", 500, 0, NOT_START)?;
            let balance = read_balance(api.exec());
            api.store_u128("canister_cycle_balance128", dst.to_u64(), balance)
        },
    )?;
    l.func_wrap(
        "ic0",
        "canister_liquid_cycle_balance128",
        |mut c: Caller<'_, Host>, dst: A| {
            let name = "canister_liquid_cycle_balance128";
            let mut api = Api::enter(&mut c, name, 500, 0, NOT_START)?;
            let liquid = read_balance(api.exec()).saturating_sub(api.exec().freezing_threshold(0));
            api.store_u128("canister_liquid_cycle_balance128", dst.to_u64(), liquid)
        },
    )?;
    l.func_wrap(
        "ic0",
        "msg_cycles_available128",
        |mut c: Caller<'_, Host>, dst: A| {
            let mut api = Api::enter(&mut c, "msg_cycles_available128", 500, 0, ACCEPT_CYCLES)?;
            let available = api.exec().message.available_cycles;
            api.store_u128("msg_cycles_available128", dst.to_u64(), available)
        },
    )?;
    l.func_wrap(
        "ic0",
        "msg_cycles_refunded128",
        |mut c: Caller<'_, Host>, dst: A| {
            let mut api = Api::enter(&mut c, "msg_cycles_refunded128", 500, 0, REFUND)?;
            let refunded = api.exec().message.refunded_cycles;
            api.store_u128("msg_cycles_refunded128", dst.to_u64(), refunded)
        },
    )?;
    l.func_wrap(
        "ic0",
        "msg_cycles_accept128",
        |mut c: Caller<'_, Host>, high: u64, low: u64, dst: A| {
            let mut api = Api::enter(&mut c, "msg_cycles_accept128", 500, 0, ACCEPT_CYCLES)?;
            let accepted = accept(api.exec(), amount(high, low));
            api.store_u128("msg_cycles_accept128", dst.to_u64(), accepted)
        },
    )?;
    l.func_wrap(
        "ic0",
        "call_cycles_add128",
        |mut c: Caller<'_, Host>, high: u64, low: u64| {
            let mut api = Api::enter(&mut c, "call_cycles_add128", 500, 0, SEND_CYCLES)?;
            attach(&mut api, "call_cycles_add128", amount(high, low))
        },
    )?;
    l.func_wrap(
        "ic0",
        "cycles_burn128",
        |mut c: Caller<'_, Host>, high: u64, low: u64, dst: A| {
            let mut api = Api::enter(&mut c, "cycles_burn128", 500, 0, BURN)?;
            let exec = api.exec();
            let liquid = exec
                .canister
                .balance
                .saturating_sub(exec.freezing_threshold(0));
            let burned = amount(high, low).min(liquid);
            exec.canister.balance -= burned;
            api.store_u128("cycles_burn128", dst.to_u64(), burned)
        },
    )?;
    l.func_wrap(
        "ic0",
        "mint_cycles128",
        |mut c: Caller<'_, Host>, high: u64, low: u64, dst: A| {
            let mut api = Api::enter(&mut c, "mint_cycles128", 0, 0, SEND_CYCLES)?;
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
    )?;
    Ok(())
}

fn link_64_bit_amounts(l: &mut Linker<Host>) -> Ret<()> {
    l.func_wrap(
        "ic0",
        "canister_cycle_balance",
        |mut c: Caller<'_, Host>| {
            let mut api = Api::enter(&mut c, "canister_cycle_balance", 500, 0, NOT_START)?;
            let balance = read_balance(api.exec());
            as_u64(&mut api, balance)
        },
    )?;
    l.func_wrap("ic0", "msg_cycles_available", |mut c: Caller<'_, Host>| {
        let mut api = Api::enter(&mut c, "msg_cycles_available", 500, 0, ACCEPT_CYCLES)?;
        let available = api.exec().message.available_cycles;
        as_u64(&mut api, available)
    })?;
    l.func_wrap("ic0", "msg_cycles_refunded", |mut c: Caller<'_, Host>| {
        let mut api = Api::enter(&mut c, "msg_cycles_refunded", 500, 0, REFUND)?;
        let refunded = api.exec().message.refunded_cycles;
        as_u64(&mut api, refunded)
    })?;
    l.func_wrap(
        "ic0",
        "msg_cycles_accept",
        |mut c: Caller<'_, Host>, max: u64| {
            let mut api = Api::enter(&mut c, "msg_cycles_accept", 500, 0, ACCEPT_CYCLES)?;
            Ok(accept(api.exec(), u128::from(max)) as u64)
        },
    )?;
    l.func_wrap(
        "ic0",
        "call_cycles_add",
        |mut c: Caller<'_, Host>, cycles: u64| {
            let mut api = Api::enter(&mut c, "call_cycles_add", 500, 0, SEND_CYCLES)?;
            attach(&mut api, "call_cycles_add", u128::from(cycles))
        },
    )?;
    Ok(())
}

fn amount(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

fn read_balance(exec: &mut Exec) -> u128 {
    exec.dependencies.balance = true;
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
    if let Some(call) = &mut exec.call {
        call.cycles += cycles;
    }
    Ok(())
}
