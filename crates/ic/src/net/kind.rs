//! The kinds of subnets of the main network and of test environments: type, number of nodes, canister ids that are theirs by right, keys
//! (pocket-ic-api.md 3.1). Owns the table; which subnets a network has is decided elsewhere.

use candid::Principal;

use crate::management::ids::RANGE;
use crate::protocol::SubnetType;

/// A kind of subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubnetKind {
    /// The one of the network's own governance.
    Nns,
    /// The one of decentralized applications' governance.
    Sns,
    /// The one of Internet Identity.
    Ii,
    /// The one of tokens and keys.
    Fiduciary,
    /// The one of the Bitcoin canister.
    Bitcoin,
    /// The one that holds keys for tests.
    TestThresholdKeys,
    /// A system subnet.
    System,
    /// An application subnet.
    Application,
    /// An application subnet of verified owners.
    VerifiedApplication,
    /// A rented subnet, where nothing is charged.
    CloudEngine,
}

use SubnetKind::*;

impl SubnetKind {
    /// All kinds, in the order in which the subnets of a network are made.
    pub const ALL: [SubnetKind; 10] = [
        Nns,
        Sns,
        Ii,
        Fiduciary,
        Bitcoin,
        TestThresholdKeys,
        System,
        Application,
        VerifiedApplication,
        CloudEngine,
    ];

    /// The name that clients use.
    pub fn name(self) -> &'static str {
        match self {
            Nns => "NNS",
            Sns => "SNS",
            Ii => "II",
            Fiduciary => "Fiduciary",
            Bitcoin => "Bitcoin",
            TestThresholdKeys => "TestThresholdKeys",
            System => "System",
            Application => "Application",
            VerifiedApplication => "VerifiedApplication",
            CloudEngine => "CloudEngine",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        SubnetKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Fees and limits.
    pub fn subnet_type(self) -> SubnetType {
        match self {
            Nns | Ii | Bitcoin | System => SubnetType::System,
            _ => SubnetType::Application,
        }
    }

    /// How many nodes.
    pub fn nodes(self) -> u64 {
        match self {
            Nns => 40,
            Sns | Ii | Fiduciary => 34,
            _ => 13,
        }
    }

    /// Canister numbers that the subnet has on the main network: first and last. A number below a canister id of a chosen kind.
    pub fn mainnet_ranges(self) -> &'static [(u64, u64)] {
        match self {
            Nns => &[(0, 6), (8, RANGE - 1)],
            Ii => &[(7, 7), (0x210_0000, 0x21f_ffff)],
            Sns => &[(0x200_0000, 0x20f_ffff)],
            Fiduciary => &[(0x230_0000, 0x23f_ffff)],
            Bitcoin => &[(0x1a0_0000, 0x1af_ffff)],
            _ => &[],
        }
    }

    /// The id of the one of this kind on the main network, where there is one.
    pub fn mainnet_id(self) -> Option<Principal> {
        let id = match self {
            Nns => "tdb26-jop6k-aogll-7ltgs-eruif-6kk7m-qpktf-gdiqx-mxtrf-vb5e6-eqe",
            Sns => "x33ed-h457x-bsgyx-oqxqf-6pzwv-wkhzr-rm2j3-npodi-purzm-n66cg-gae",
            Ii => "uzr34-akd3s-xrdag-3ql62-ocgoh-ld2ao-tamcv-54e7j-krwgb-2gm4z-oqe",
            Fiduciary => "pzp6e-ekpqk-3c5x7-2h6so-njoeq-mt45d-h3h6c-q3mxf-vpeq5-fk5o7-yae",
            Bitcoin => "w4rem-dv5e3-widiz-wbpea-kbttk-mnzfm-tzrc7-svcj3-kbxyb-zamch-hqe",
            _ => return None,
        };
        Some(Principal::from_text(id).expect("the id of a subnet"))
    }

    /// The kind whose ranges hold a number of the main network.
    pub fn of_mainnet_number(number: u64) -> Self {
        let hosts = |kind: &SubnetKind| {
            let mut ranges = kind.mainnet_ranges().iter();
            ranges.any(|(first, last)| (*first..=*last).contains(&number))
        };
        SubnetKind::ALL
            .into_iter()
            .find(hosts)
            .unwrap_or(Application)
    }

    /// There is one of this kind in a network at the most.
    pub fn is_named(self) -> bool {
        matches!(
            self,
            Nns | Sns | Ii | Fiduciary | Bitcoin | TestThresholdKeys
        )
    }

    /// Threshold keys that such a subnet holds. Those for tests are on the subnet that is made for them, if the network has it; those over
    /// secp256r1, where there are such, have the names of the others (since-october-2025.md 11, number 12).
    pub fn keys(self, test_keys_elsewhere: bool, secp256r1: bool) -> Vec<String> {
        let names: &[&str] = match self {
            Ii | Fiduciary if test_keys_elsewhere => &["key_1"],
            Ii | Fiduciary => &["key_1", "test_key_1", "dfx_test_key"],
            TestThresholdKeys => &["test_key_1", "dfx_test_key"],
            _ => &[],
        };
        let schemes = [
            "ecdsa:Secp256k1",
            "ecdsa:Secp256r1",
            "schnorr:Bip340Secp256k1",
            "schnorr:Ed25519",
            "vetkd:Bls12_381_G2",
        ];
        let keys_of = |scheme: &str| {
            let keys = names.iter().map(|name| format!("{scheme}:{name}"));
            keys.collect::<Vec<_>>()
        };
        let schemes = schemes.into_iter();
        let there = schemes.filter(|scheme| secp256r1 || *scheme != "ecdsa:Secp256r1");
        there.flat_map(keys_of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::management::ids::canister_id;

    /// The ids of the table.
    #[test]
    fn fixed_ranges_are_those_of_the_main_network() {
        let ends = |kind: SubnetKind| {
            let ids = kind.mainnet_ranges().iter();
            ids.map(|(first, last)| (canister_id(*first).to_text(), canister_id(*last).to_text()))
                .collect::<Vec<_>>()
        };
        let pair = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(
            ends(Nns),
            [
                pair("rwlgt-iiaaa-aaaaa-aaaaa-cai", "renrk-eyaaa-aaaaa-aaada-cai"),
                pair("qoctq-giaaa-aaaaa-aaaea-cai", "n5n4y-3aaaa-aaaaa-p777q-cai"),
            ]
        );
        assert_eq!(
            ends(Ii),
            [
                pair("rdmx6-jaaaa-aaaaa-aaadq-cai", "rdmx6-jaaaa-aaaaa-aaadq-cai"),
                pair("uc7f6-kaaaa-aaaaq-qaaaa-cai", "ijz7v-ziaaa-aaaaq-7777q-cai"),
            ]
        );
        assert_eq!(
            ends(Sns),
            [pair(
                "ybpmr-kqaaa-aaaaq-aaaaa-cai",
                "ekjw2-zyaaa-aaaaq-p777q-cai"
            )]
        );
        assert_eq!(
            ends(Fiduciary),
            [pair(
                "mf7xa-laaaa-aaaar-qaaaa-cai",
                "qoznl-yiaaa-aaaar-7777q-cai"
            )]
        );
        assert_eq!(
            ends(Bitcoin),
            [pair(
                "g3wsl-eqaaa-aaaan-aaaaa-cai",
                "2qqia-xyaaa-aaaan-p777q-cai"
            )]
        );
    }

    #[test]
    fn subnets_with_ids_of_the_main_network_are_those_with_its_ranges() {
        for kind in SubnetKind::ALL {
            assert_eq!(
                kind.mainnet_id().is_some(),
                !kind.mainnet_ranges().is_empty(),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_number_tells_its_kind() {
        assert_eq!(SubnetKind::of_mainnet_number(7), Ii);
        assert_eq!(SubnetKind::of_mainnet_number(8), Nns);
        assert_eq!(SubnetKind::of_mainnet_number(0x230_0001), Fiduciary);
        assert_eq!(SubnetKind::of_mainnet_number(0x1e0_0000), Application);
        for kind in SubnetKind::ALL {
            assert_eq!(SubnetKind::from_name(kind.name()), Some(kind));
        }
    }
}
