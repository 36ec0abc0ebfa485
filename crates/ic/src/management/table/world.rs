//! The rows of the world outside: HTTP, Bitcoin, randomness, and what only other subnets ask for.

use crate::management::method::{Ingress, Known, Method};
use crate::management::row::{Goes, Row, Typed};
use crate::management::types::bitcoin::BitcoinArgs;
use crate::management::types::http::{FlexibleHttpRequestArgs, HttpRequestArgs};
use crate::management::{decode, outcalls, randomness};
use crate::protocol::Date;

pub(super) static RAW_RAND: Row = Row {
    method: Method::RawRand,
    name: "raw_rand",
    routed_as: "RawRand",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::nothing,
        goes: Goes::OwnSubnet,
        sender_version: None,
        run: |state, _, call, args| randomness::raw_rand(state, call, args).map(Some),
    },
};

pub(super) static HTTP_REQUEST: Row = Row {
    method: Method::HttpRequest,
    name: "http_request",
    routed_as: "HttpRequest",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<HttpRequestArgs>,
        goes: Goes::OwnSubnet,
        sender_version: None,
        run: outcalls::http_request,
    },
};

/// A call of the Bitcoin network, which has canisters of its own.
const fn bitcoin(method: Method, name: &'static str, routed_as: &'static str) -> Row {
    Row {
        method,
        name,
        routed_as,
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::one::<BitcoinArgs>,
            goes: Goes::Principal(|args| args.network.canister()),
            sender_version: None,
            run: |_, _, call, _| outcalls::bitcoin(call).map(Some),
        },
    }
}

pub(super) static BITCOIN_GET_BALANCE: Row = bitcoin(
    Method::BitcoinGetBalance,
    "bitcoin_get_balance",
    "BitcoinGetBalance",
);

pub(super) static BITCOIN_GET_UTXOS: Row = bitcoin(
    Method::BitcoinGetUtxos,
    "bitcoin_get_utxos",
    "BitcoinGetUtxos",
);

pub(super) static BITCOIN_GET_BLOCK_HEADERS: Row = bitcoin(
    Method::BitcoinGetBlockHeaders,
    "bitcoin_get_block_headers",
    "BitcoinGetBlockHeaders",
);

pub(super) static BITCOIN_SEND_TRANSACTION: Row = bitcoin(
    Method::BitcoinSendTransaction,
    "bitcoin_send_transaction",
    "BitcoinSendTransaction",
);

pub(super) static BITCOIN_GET_CURRENT_FEE_PERCENTILES: Row = bitcoin(
    Method::BitcoinGetCurrentFeePercentiles,
    "bitcoin_get_current_fee_percentiles",
    "BitcoinGetCurrentFeePercentiles",
);

/// A call that only those canisters make.
const fn of_bitcoin_canisters(method: Method, name: &'static str, routed_as: &'static str) -> Row {
    Row {
        method,
        name,
        routed_as,
        known: Known::Always,
        ingress: Ingress::Never,
        query: None,
        heavy: false,
        work: &Typed {
            decode: decode::unread,
            goes: Goes::OwnSubnet,
            sender_version: None,
            run: |_, _, call, _| outcalls::bitcoin_internal(call).map(Some),
        },
    }
}

pub(super) static BITCOIN_GET_SUCCESSORS: Row = of_bitcoin_canisters(
    Method::BitcoinGetSuccessors,
    "bitcoin_get_successors",
    "BitcoinGetSuccessors",
);

pub(super) static BITCOIN_SEND_TRANSACTION_INTERNAL: Row = of_bitcoin_canisters(
    Method::BitcoinSendTransactionInternal,
    "bitcoin_send_transaction_internal",
    "BitcoinSendTransactionInternal",
);

pub(super) static SETUP_INITIAL_DKG: Row = Row {
    method: Method::SetupInitialDKG,
    name: "setup_initial_dkg",
    routed_as: "SetupInitialDKG",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::nothing,
        goes: Goes::OwnSubnet,
        sender_version: None,
        run: |_, _, call, args| outcalls::only_for_nns(call, args).map(Some),
    },
};

pub(super) static RESHARE_CHAIN_KEY: Row = Row {
    method: Method::ReshareChainKey,
    name: "reshare_chain_key",
    routed_as: "ReshareChainKey",
    known: Known::Always,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::unread,
        goes: Goes::OwnSubnet,
        sender_version: None,
        run: |_, _, call, args| outcalls::only_for_nns(call, args).map(Some),
    },
};

pub(super) static COMPUTE_INITIAL_IDKG_DEALINGS: Row = Row {
    method: Method::ComputeInitialIDkgDealings,
    name: "compute_initial_idkg_dealings",
    routed_as: "ComputeInitialIDkgDealings",
    known: Known::MarchOnly,
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::unread,
        goes: Goes::OwnSubnet,
        sender_version: None,
        run: |_, _, call, args| outcalls::only_for_nns(call, args).map(Some),
    },
};

pub(super) static FLEXIBLE_HTTP_REQUEST: Row = Row {
    method: Method::FlexibleHttpRequest,
    name: "flexible_http_request",
    routed_as: "FlexibleHttpRequest",
    known: Known::Since(Date::November2026),
    ingress: Ingress::Never,
    query: None,
    heavy: false,
    work: &Typed {
        decode: decode::one::<FlexibleHttpRequestArgs>,
        goes: Goes::OwnSubnet,
        sender_version: None,
        run: outcalls::flexible_http_request,
    },
};
