//! `/api/kernels`, `/api/sessions`, `/api/kernelspecs` and `/kernelspecs`: the same requests to both servers with the
//! same kernelspecs, equal answers, but for the differences we intend ([`intended`], with their reasons in
//! `docs/kernels.md`).

mod channels;
mod generator;
mod ids;
mod intended;
mod pair;

use std::fmt::Write as _;

use self::intended::{INTENDED, explained, leaves_both_alike};
use self::pair::KernelsPair;
use super::choices::seed;
use super::pair::describe;

/// Where the reasons stand.
const REASONS: &str = include_str!("../../../../docs/kernels.md");

/// Requests of one sequence, which begins without kernels.
const LENGTH: usize = 40;
/// How many sequences.
const SEQUENCES: u64 = 5;
/// The usual seed; `ADRASTEA_TEST_SEED` tries another.
const SEED: u64 = 5000;

#[tokio::test]
async fn generated_requests_about_kernels_and_sessions_are_answered_alike() {
    let mut pair = KernelsPair::start().await;
    let first = seed().unwrap_or(SEED);
    let (mut wrong, mut requests) = (String::new(), 0);
    for seed in first..first + SEQUENCES {
        pair.clear().await;
        for (index, request) in generator::sequence(seed, LENGTH).iter().enumerate() {
            let exchange = pair.exchange(request).await;
            requests += 1;
            if exchange.is_equal() {
                continue;
            }
            // What one server has and the other has not would show in every answer from here on.
            if !leaves_both_alike(&exchange) {
                pair.clear().await;
            }
            let left = explained(exchange);
            if !left.is_equal() {
                let _ = write!(
                    wrong,
                    "\nADRASTEA_TEST_SEED={seed}, request {index}: {}",
                    describe(&left)
                );
            }
        }
    }
    assert!(wrong.is_empty(), "of {requests} requests:{wrong}");
}

#[tokio::test]
async fn every_intended_difference_about_kernels_is_still_there_and_described() {
    let mut pair = KernelsPair::start().await;
    let mut wrong = Vec::new();
    for intended in INTENDED {
        if !REASONS.contains(&format!("\n| {} |", intended.what)) {
            wrong.push(format!("docs/kernels.md has no row `| {} |`", intended.what));
        }
        pair.clear().await;
        let exchange = pair.last(&(intended.example)()).await;
        let mut without = exchange.clone();
        let others = INTENDED.iter().filter(|other| other.what != intended.what);
        others.for_each(|other| (other.explain)(&mut without));
        if without.is_equal() {
            wrong.push(format!(
                "is the same now, take it from the list: {}",
                intended.what
            ));
        }
        let left = explained(exchange);
        if !left.is_equal() {
            wrong.push(format!("{}: still differs: {}", intended.what, describe(&left)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
