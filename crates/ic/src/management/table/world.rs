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

pub(super) static BITCOIN_GET_BALANCE: Row = Row {
    method: Method::BitcoinGetBalance,
    name: "bitcoin_get_balance",
    routed_as: "BitcoinGetBalance",
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
};

pub(super) static BITCOIN_GET_UTXOS: Row = Row {
    method: Method::BitcoinGetUtxos,
    name: "bitcoin_get_utxos",
    routed_as: "BitcoinGetUtxos",
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
};

pub(super) static BITCOIN_GET_BLOCK_HEADERS: Row = Row {
    method: Method::BitcoinGetBlockHeaders,
    name: "bitcoin_get_block_headers",
    routed_as: "BitcoinGetBlockHeaders",
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
};

pub(super) static BITCOIN_SEND_TRANSACTION: Row = Row {
    method: Method::BitcoinSendTransaction,
    name: "bitcoin_send_transaction",
    routed_as: "BitcoinSendTransaction",
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
};

pub(super) static BITCOIN_GET_CURRENT_FEE_PERCENTILES: Row = Row {
    method: Method::BitcoinGetCurrentFeePercentiles,
    name: "bitcoin_get_current_fee_percentiles",
    routed_as: "BitcoinGetCurrentFeePercentiles",
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
};

pub(super) static BITCOIN_GET_SUCCESSORS: Row = Row {
    method: Method::BitcoinGetSuccessors,
    name: "bitcoin_get_successors",
    routed_as: "BitcoinGetSuccessors",
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
};

pub(super) static BITCOIN_SEND_TRANSACTION_INTERNAL: Row = Row {
    method: Method::BitcoinSendTransactionInternal,
    name: "bitcoin_send_transaction_internal",
    routed_as: "BitcoinSendTransactionInternal",
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
};

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
