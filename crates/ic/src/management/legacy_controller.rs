//! The field `controller` that `canister_status` still answers, from the time when a canister had exactly one
//! (management-canister.md, section 6).

use candid::Principal;

/// Stands for "no controller": zrl4w-cqaaa-nocon-troll-eraaa-d5qc.
const NONE: [u8; 14] = [
    0x00, 0x00, 0x1a, 0xe1, 0x39, 0xb3, 0x8b, 0x96, 0xb2, 0x44, 0x00, 0x00, 0xfb, 0x01,
];
/// Stands for "several controllers": ifxlm-aqaaa-multi-pleco-ntrol-lersa-h3ae.
const SEVERAL: [u8; 17] = [
    0x00, 0x00, 0x19, 0x45, 0xcd, 0x0f, 0x59, 0x04, 0xe6, 0xce, 0x2e, 0x5a, 0xc9, 0x19, 0x00, 0xfb,
    0x01,
];

/// What the legacy field shows for these controllers.
pub fn legacy_controller(controllers: &[Principal]) -> Principal {
    match controllers {
        [] => Principal::from_slice(&NONE),
        [only] => *only,
        _ => Principal::from_slice(&SEVERAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_one_and_several_controllers_are_told_apart() {
        let (user, other) = (Principal::anonymous(), Principal::management_canister());
        let shown = |list: &[Principal]| legacy_controller(list).to_text();
        assert_eq!(shown(&[]), "zrl4w-cqaaa-nocon-troll-eraaa-d5qc");
        assert_eq!(shown(&[user]), "2vxsx-fae");
        assert_eq!(
            shown(&[other, user]),
            "ifxlm-aqaaa-multi-pleco-ntrol-lersa-h3ae"
        );
    }
}
