//! The reference server and ours side by side on equal directories: equal answers, and the same on disk, but for the
//! differences we intend ([`intended`]).

mod answer;
pub(crate) mod choices;
mod connection;
mod directory;
mod events;
mod generated;
mod generator;
mod hand_written;
mod intended;
mod kernels;
mod masks;
mod pair;
mod pool;
mod reference;
mod request;
mod resolve_path;
mod usage;

use self::pair::{Configuration, Pair, describe};
pub(crate) use self::reference::Reference;

/// Where the reasons stand.
const REASONS: &str = include_str!("../../../docs/contents.md");

#[tokio::test]
async fn every_intended_difference_is_still_there_and_described() {
    let mut pair = Pair::start(&Configuration::DEFAULT).await;
    let mut wrong = Vec::new();
    for intended in intended::all() {
        if !REASONS.contains(&format!("\n| {} |", intended.what)) {
            wrong.push(format!("docs/contents.md has no row `| {} |`", intended.what));
        }
        let exchange = pair.last(&(intended.example)()).await;
        let others = intended::all().filter(|other| other.what != intended.what);
        let mut without = exchange.clone();
        others.for_each(|other| (other.explain)(&mut without));
        if without.is_equal() {
            wrong.push(format!(
                "is the same now, take it from the list: {}",
                intended.what
            ));
        }
        let left = intended::explained(exchange);
        if !left.is_equal() {
            wrong.push(format!("{}: still differs: {}", intended.what, describe(&left)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_the_reference_does_not_foresee_is_still_500_there() {
    let mut pair = Pair::start(&Configuration::DEFAULT).await;
    let mut wrong = Vec::new();
    for foreseen in intended::FORESEEN {
        let exchange = pair.last(&(foreseen.example)()).await;
        if !foreseen.is(&exchange) {
            wrong.push(format!("{foreseen} is not what came of {}", describe(&exchange)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_lists_of_differences_only_shrink() {
    let check = |list: &str, there_are: usize, number: &str, there_may_be: usize| {
        assert!(
            there_are <= there_may_be,
            "{list} has {there_are} entries and may have {there_may_be}: answer as the reference does instead. A \
             difference that users are better off with needs its reason in docs/contents.md, a review, and then \
             another {number}"
        );
        assert_eq!(
            there_are, there_may_be,
            "well done: write the new number into {number}"
        );
    };
    check(
        "`intended::all`",
        intended::all().count(),
        "`INTENDED`",
        intended::INTENDED,
    );
    let answers = intended::FORESEEN.len();
    check(
        "`FORESEEN`",
        answers,
        "`FORESEEN_ANSWERS`",
        intended::FORESEEN_ANSWERS,
    );
}
