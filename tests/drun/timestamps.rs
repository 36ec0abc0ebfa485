//! When canisters were made and installed (since-october-2025.md 3.4), however long ago their history begins.

use candid::{Encode, Principal};
use drun::internals::canister::InstallMode;
use drun::internals::outcome::MessageResult;
use drun::internals::{Compat, Config, Runner};
use drun_ic::management::types::lifecycle::CanisterIdRecord;
use drun_ic::management::types::limited::Limited;
use drun_ic::management::types::settings::{CanisterSettings, UpdateSettingsArgs};

#[test]
fn the_times_of_creation_and_installation_outlive_the_history() {
    let mut runner = Runner::new(Config::new(Compat::Drun));
    runner.create();
    let id = runner.canisters().next().expect("it was created").id;
    let times = |runner: &Runner| {
        let canister = runner.canister(&id).expect("it is there");
        let installed = canister.code.as_ref().map(|code| code.installed_at);
        (canister.created_at, installed)
    };
    let (created, nothing) = times(&runner);
    assert_eq!(nothing, None);
    runner.install(InstallMode::Install, id, b"\0asm\x01\0\0\0", b"");
    let installed = times(&runner).1.expect("there is code");
    assert!(installed > created);
    let mut ask = |method: &str, argument: Vec<u8>| {
        let outcome = runner.ingress(Principal::management_canister(), method, &argument);
        assert!(
            matches!(outcome.result, MessageResult::Replied(_)),
            "{method}"
        );
        times(&runner)
    };
    for _ in 0..25 {
        let update = UpdateSettingsArgs {
            canister_id: id,
            settings: CanisterSettings {
                controllers: Some(Limited(vec![Principal::anonymous()])),
                ..CanisterSettings::default()
            },
            sender_canister_version: None,
        };
        let now = ask("update_settings", Encode!(&update).expect("it encodes"));
        assert_eq!(now, (created, Some(installed)));
    }
    let about = Encode!(&CanisterIdRecord { canister_id: id }).expect("it encodes");
    assert_eq!(ask("uninstall_code", about), (created, None));
}
