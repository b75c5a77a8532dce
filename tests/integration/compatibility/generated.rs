//! Thousands of generated requests to both servers: the same answers, and the same on disk.

use std::collections::BTreeMap;

use super::choices::{seed, sequences};
use super::generator::sequence;
use super::pair::{Configuration, Exchange, Pair, describe};

/// Requests of one sequence, which begins with the same directory.
const LENGTH: usize = 40;
/// Sequences of each configuration.
const SEQUENCES: u64 = 20;
/// Differences that are shrunk to the requests that make them.
const SHRUNK: usize = 3;

/// Different differences have different kinds.
fn kind(exchange: &Exchange) -> String {
    let route: Vec<&str> = exchange.request.path().splitn(3, '/').take(2).collect();
    let shape = |message: &str| -> String {
        let plain = message
            .chars()
            .take_while(|character| !matches!(character, '/' | '\'' | '"' | ':'));
        plain.take(25).collect()
    };
    let mut headers = exchange
        .ours
        .headers
        .iter()
        .filter(|(name, value)| exchange.theirs.headers.get(*name) != Some(value));
    format!(
        "{} {route:?} {}/{} {}/{} {:?} {}",
        exchange.request.method,
        exchange.ours.status,
        exchange.theirs.status,
        shape(exchange.ours.message()),
        shape(exchange.theirs.message()),
        headers.next().map(|(name, _)| name),
        exchange.on_disk.is_empty()
    )
}

/// Sends the sequences of one configuration, from a seed that is its own, and fails with all kinds of differences.
#[expect(clippy::print_stdout, reason = "the seed that a test began with")]
async fn check(configuration: Configuration, first_seed: u64) {
    let first = seed().unwrap_or(first_seed);
    let mut pair = Pair::start(&configuration).await;
    let mut kinds: BTreeMap<String, (u64, usize, Exchange)> = BTreeMap::new();
    let mut requests = 0;
    for seed in first..first + sequences().unwrap_or(SEQUENCES) {
        let outcome = pair.run(&sequence(seed, LENGTH)).await;
        requests += outcome.requests;
        for (index, exchange) in outcome.wrong {
            kinds.entry(kind(&exchange)).or_insert((seed, index, exchange));
        }
    }
    println!("{requests} requests of sequences from seed {first}, {configuration:?}");
    let mut report = String::new();
    for (count, (seed, index, exchange)) in kinds.values().enumerate() {
        report += &format!(
            "\nADRASTEA_TEST_SEED={seed}, request {index}: {}",
            describe(exchange)
        );
        if count < SHRUNK {
            let steps = pair
                .shrink(sequence(*seed, LENGTH).into_iter().take(index + 1).collect())
                .await;
            report += "\n    shrunk to:";
            for step in steps {
                report += &format!("\n        {step}");
            }
        }
    }
    assert!(
        kinds.is_empty(),
        "{} differences of {requests} requests, {configuration:?}:{report}",
        kinds.len()
    );
}

#[tokio::test]
async fn generated_requests_are_answered_alike() {
    check(Configuration::DEFAULT, 1000).await;
}

#[tokio::test]
async fn generated_requests_are_answered_alike_with_hidden_files() {
    check(
        Configuration {
            settings: &[("ContentsManager.allow_hidden", "True")],
            base_url: "/a%40b/",
        },
        2000,
    )
    .await;
}

#[tokio::test]
async fn generated_requests_are_answered_alike_without_a_trash() {
    check(
        Configuration {
            settings: &[("FileContentsManager.delete_to_trash", "False")],
            base_url: "/",
        },
        3000,
    )
    .await;
}

#[tokio::test]
async fn generated_requests_are_answered_alike_when_all_may_be_deleted_and_other_names_are_left_out() {
    check(
        Configuration {
            settings: &[
                ("FileContentsManager.delete_to_trash", "False"),
                ("FileContentsManager.always_delete_dir", "True"),
                ("ContentsManager.hide_globs", "['*.txt', 'd', '[!a-z]*']"),
            ],
            base_url: "/",
        },
        4000,
    )
    .await;
}
