//! Choices that a seed decides: the same seed, the same choices.

/// The seed to begin with, if another than the usual shall be tried (`ADRASTEA_TEST_SEED`).
pub(crate) fn seed() -> Option<u64> {
    number("ADRASTEA_TEST_SEED")
}

/// How many sequences, if others than usual (`ADRASTEA_TEST_SEQUENCES`).
pub(super) fn sequences() -> Option<u64> {
    number("ADRASTEA_TEST_SEQUENCES")
}

#[expect(
    clippy::disallowed_methods,
    reason = "a failure is repeated by the variable it names"
)]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// `SplitMix64`: small, and good enough to choose.
pub(crate) struct Choices(u64);

impl Choices {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    /// True once in `count` times.
    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}
