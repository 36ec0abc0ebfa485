//! Which cases are wanted: those that patterns name, and shares of a suite.

use super::case::Case;
use super::pattern::Pattern;

/// Keeps the cases that one of the patterns wants and that no opposite excludes.
pub fn filter(cases: &mut Vec<Case>, patterns: &[Pattern]) {
    let (excluding, wanting): (Vec<_>, Vec<_>) = patterns
        .iter()
        .partition(|pattern| matches!(pattern, Pattern::Not(_)));
    cases.retain(|case| {
        (wanting.is_empty() || wanting.iter().any(|pattern| pattern.matches(&case.name)))
            && excluding.iter().all(|pattern| pattern.matches(&case.name))
    });
}

/// A share of a suite: `index` of `count`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    index: u64,
    count: u64,
}

impl std::str::FromStr for Partition {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text
            .split_once('/')
            .and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Partition { index, count }),
            _ => Err("expected m/n with m from 1 to n, for example 1/4"),
        }
    }
}

impl Partition {
    /// Keeps the share. Which one a case belongs to depends on nothing but its name.
    pub fn keep(self, cases: &mut Vec<Case>) {
        cases.retain(|case| self.has(&case.key));
    }

    fn has(self, key: &str) -> bool {
        fnv1a(key.as_bytes()) % self.count == self.index - 1
    }
}

/// The hash FNV-1a of 64 bits: short, and the same on every machine.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_disjoint_and_complete() {
        let shares: Vec<Partition> = ["1/3", "2/3", "3/3"]
            .map(|share| share.parse().unwrap())
            .to_vec();
        let mut sizes = [0; 3];
        for n in 0..50 {
            let key = format!("case-{n}");
            let holders: Vec<usize> = (0..3).filter(|share| shares[*share].has(&key)).collect();
            assert_eq!(holders.len(), 1, "{key}");
            sizes[holders[0]] += 1;
        }
        assert!(sizes.iter().all(|size| *size > 5), "{sizes:?}");
    }

    /// The published test vectors of FNV-1a: the empty text, "a" and "foobar".
    #[test]
    fn the_hash_is_fnv1a() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn partitions_count_from_one() {
        for wrong in ["", "1", "0/2", "3/2", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(wrong.parse::<Partition>().is_err(), "{wrong}");
        }
        assert_eq!("2/2".parse(), Ok(Partition { index: 2, count: 2 }));
    }
}
