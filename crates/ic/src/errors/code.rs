//! The numbers of errors: what a user sees as `IC0503`, and what a canister reads with `ic0.msg_reject_code`.
//! Owns no texts. Rules: errors.md, section 1; system-api.md, 0.5.

use std::fmt;

/// The code of an error that is shown to a user. Its hundreds digit is the [`RejectCode`] that a calling canister gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum ErrorCode {
    SubnetOversubscribed = 101,
    MaxNumberOfCanistersReached = 102,

    CanisterQueueFull = 201,
    IngressMessageTimeout = 202,
    CanisterQueueNotEmpty = 203,
    IngressHistoryFull = 204,
    CanisterIdAlreadyExists = 205,
    StopCanisterRequestTimeout = 206,
    CanisterOutOfCycles = 207,
    CertifiedStateUnavailable = 208,
    CanisterInstallCodeRateLimited = 209,
    CanisterHeapDeltaRateLimited = 210,
    SubnetCoolingDown = 211,

    CanisterNotFound = 301,
    CanisterSnapshotNotFound = 305,

    InsufficientMemoryAllocation = 402,
    InsufficientCyclesForCreateCanister = 403,
    SubnetNotFound = 404,
    CanisterNotHostedBySubnet = 405,
    CanisterRejectedMessage = 406,
    UnknownManagementMessage = 407,
    InvalidManagementPayload = 408,
    CanisterSnapshotImmutable = 409,
    InvalidSubnetAdmin = 410,

    CanisterTrapped = 502,
    CanisterCalledTrap = 503,
    CanisterContractViolation = 504,
    CanisterInvalidWasm = 505,
    CanisterDidNotReply = 506,
    CanisterOutOfMemory = 507,
    CanisterStopped = 508,
    CanisterStopping = 509,
    CanisterNotStopped = 510,
    CanisterStoppingCancelled = 511,
    CanisterInvalidController = 512,
    CanisterFunctionNotFound = 513,
    CanisterNonEmpty = 514,
    QueryCallGraphLoopDetected = 517,
    InsufficientCyclesInCall = 520,
    CanisterWasmEngineError = 521,
    CanisterInstructionLimitExceeded = 522,
    CanisterMemoryAccessLimitExceeded = 524,
    QueryCallGraphTooDeep = 525,
    QueryCallGraphTotalInstructionLimitExceeded = 526,
    CompositeQueryCalledInReplicatedMode = 527,
    QueryTimeLimitExceeded = 528,
    QueryCallGraphInternal = 529,
    InsufficientCyclesInComputeAllocation = 530,
    InsufficientCyclesInMemoryAllocation = 531,
    InsufficientCyclesInMemoryGrow = 532,
    ReservedCyclesLimitExceededInMemoryAllocation = 533,
    ReservedCyclesLimitExceededInMemoryGrow = 534,
    InsufficientCyclesInMessageMemoryGrow = 535,
    CanisterMethodNotFound = 536,
    CanisterWasmModuleNotFound = 537,
    CanisterAlreadyInstalled = 538,
    CanisterWasmMemoryLimitExceeded = 539,
    ReservedCyclesLimitIsTooLow = 540,
    CanisterInvalidControllerOrSubnetAdmin = 541,
    CanisterStatusAccessDenied = 542,

    DeadlineExpired = 601,
    ResponseDropped = 602,
}

impl ErrorCode {
    /// All codes, by ascending number.
    pub const ALL: [ErrorCode; 62] = [
        ErrorCode::SubnetOversubscribed,
        ErrorCode::MaxNumberOfCanistersReached,
        ErrorCode::CanisterQueueFull,
        ErrorCode::IngressMessageTimeout,
        ErrorCode::CanisterQueueNotEmpty,
        ErrorCode::IngressHistoryFull,
        ErrorCode::CanisterIdAlreadyExists,
        ErrorCode::StopCanisterRequestTimeout,
        ErrorCode::CanisterOutOfCycles,
        ErrorCode::CertifiedStateUnavailable,
        ErrorCode::CanisterInstallCodeRateLimited,
        ErrorCode::CanisterHeapDeltaRateLimited,
        ErrorCode::SubnetCoolingDown,
        ErrorCode::CanisterNotFound,
        ErrorCode::CanisterSnapshotNotFound,
        ErrorCode::InsufficientMemoryAllocation,
        ErrorCode::InsufficientCyclesForCreateCanister,
        ErrorCode::SubnetNotFound,
        ErrorCode::CanisterNotHostedBySubnet,
        ErrorCode::CanisterRejectedMessage,
        ErrorCode::UnknownManagementMessage,
        ErrorCode::InvalidManagementPayload,
        ErrorCode::CanisterSnapshotImmutable,
        ErrorCode::InvalidSubnetAdmin,
        ErrorCode::CanisterTrapped,
        ErrorCode::CanisterCalledTrap,
        ErrorCode::CanisterContractViolation,
        ErrorCode::CanisterInvalidWasm,
        ErrorCode::CanisterDidNotReply,
        ErrorCode::CanisterOutOfMemory,
        ErrorCode::CanisterStopped,
        ErrorCode::CanisterStopping,
        ErrorCode::CanisterNotStopped,
        ErrorCode::CanisterStoppingCancelled,
        ErrorCode::CanisterInvalidController,
        ErrorCode::CanisterFunctionNotFound,
        ErrorCode::CanisterNonEmpty,
        ErrorCode::QueryCallGraphLoopDetected,
        ErrorCode::InsufficientCyclesInCall,
        ErrorCode::CanisterWasmEngineError,
        ErrorCode::CanisterInstructionLimitExceeded,
        ErrorCode::CanisterMemoryAccessLimitExceeded,
        ErrorCode::QueryCallGraphTooDeep,
        ErrorCode::QueryCallGraphTotalInstructionLimitExceeded,
        ErrorCode::CompositeQueryCalledInReplicatedMode,
        ErrorCode::QueryTimeLimitExceeded,
        ErrorCode::QueryCallGraphInternal,
        ErrorCode::InsufficientCyclesInComputeAllocation,
        ErrorCode::InsufficientCyclesInMemoryAllocation,
        ErrorCode::InsufficientCyclesInMemoryGrow,
        ErrorCode::ReservedCyclesLimitExceededInMemoryAllocation,
        ErrorCode::ReservedCyclesLimitExceededInMemoryGrow,
        ErrorCode::InsufficientCyclesInMessageMemoryGrow,
        ErrorCode::CanisterMethodNotFound,
        ErrorCode::CanisterWasmModuleNotFound,
        ErrorCode::CanisterAlreadyInstalled,
        ErrorCode::CanisterWasmMemoryLimitExceeded,
        ErrorCode::ReservedCyclesLimitIsTooLow,
        ErrorCode::CanisterInvalidControllerOrSubnetAdmin,
        ErrorCode::CanisterStatusAccessDenied,
        ErrorCode::DeadlineExpired,
        ErrorCode::ResponseDropped,
    ];

    /// The code that prints as this text, `IC0503`.
    pub fn from_text(text: &str) -> Option<Self> {
        let number = text.strip_prefix("IC").filter(|digits| {
            digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
        })?;
        let number: u16 = number.parse().ok()?;
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// The number, 101 to 602.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// What a calling canister gets for this error.
    pub fn reject_code(self) -> RejectCode {
        match self.number() / 100 {
            1 => RejectCode::SysFatal,
            2 => RejectCode::SysTransient,
            3 => RejectCode::DestinationInvalid,
            4 => RejectCode::CanisterReject,
            5 => RejectCode::CanisterError,
            _ => RejectCode::SysUnknown,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IC{:04}", self.number())
    }
}

/// The class of a reject, as `ic0.msg_reject_code` returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RejectCode {
    SysFatal = 1,
    SysTransient = 2,
    DestinationInvalid = 3,
    CanisterReject = 4,
    CanisterError = 5,
    SysUnknown = 6,
}

impl RejectCode {
    /// The number, 1 to 6.
    pub fn number(self) -> u32 {
        self as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_prints_with_four_digits() {
        assert_eq!(ErrorCode::CanisterCalledTrap.to_string(), "IC0503");
        assert_eq!(ErrorCode::SubnetOversubscribed.to_string(), "IC0101");
    }

    #[test]
    fn all_codes_are_found_by_their_text() {
        for (code, next) in ErrorCode::ALL.iter().zip(&ErrorCode::ALL[1..]) {
            assert!(code.number() < next.number());
            assert_eq!(ErrorCode::from_text(&code.to_string()), Some(*code));
        }
        for text in ["IC0000", "IC503", "0503", "IC05030", "IC+503"] {
            assert_eq!(ErrorCode::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn the_reject_code_is_the_hundreds_digit() {
        for (code, number) in [
            (ErrorCode::MaxNumberOfCanistersReached, 1),
            (ErrorCode::CanisterHeapDeltaRateLimited, 2),
            (ErrorCode::CanisterSnapshotNotFound, 3),
            (ErrorCode::CanisterSnapshotImmutable, 4),
            (ErrorCode::ReservedCyclesLimitIsTooLow, 5),
            (ErrorCode::ResponseDropped, 6),
        ] {
            assert_eq!(code.reject_code().number(), number, "{code:?}");
        }
    }
}
