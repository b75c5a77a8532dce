//! Policy × kind of resource × action × whose it is, as a committed table.

use std::{fmt::Write, sync::Arc};

use authorization::{Action, Authorizer, Decision, ResourceKind, ResourceRef, policies};
use identity::Identity;

use super::own_or_shared::OwnOrShared;

#[tokio::test]
async fn policies_decide_as_the_table_says() {
    let mut policies: Vec<(&str, Arc<dyn Authorizer>)> = policies::NAMES
        .iter()
        .map(|name| (*name, policies::named(name).expect("a built-in policy")))
        .collect();
    policies.push(("own-or-shared (of these tests)", OwnOrShared::shared()));

    let mut table = String::from(
        "# ✔ allowed  ✘ forbidden  · hidden; whose it is: o one's own, s shared with one, f foreign\n",
    );
    for (name, policy) in policies {
        let _ = write!(
            table,
            "\n{:<32}read      write     execute\n{:<32}o s f     o s f     o s f\n",
            name, ""
        );
        for kind in ResourceKind::ALL {
            let _ = writeln!(table, "{}", row(&*policy, kind).await);
        }
    }
    let committed = include_str!("policy_matrix.txt");
    assert!(
        table == committed,
        "the policies now decide so; is that meant?\n{table}"
    );
}

async fn row(policy: &dyn Authorizer, kind: ResourceKind) -> String {
    let ada = Identity::named("ada");
    let mut row = format!("  {:<30}", kind.as_str());
    for action in Action::ALL {
        let mut cell = Vec::new();
        for (owner, shares) in [("ada", &[][..]), ("bob", &["ada"][..]), ("bob", &[][..])] {
            let resource = ResourceRef {
                owner: Some(Arc::from(owner)),
                shares: shares.iter().map(|name| Arc::from(*name)).collect(),
                ..ResourceRef::new(kind, "x")
            };
            cell.push(match policy.decide(&ada, action, &resource).await {
                Decision::Allow => "✔",
                Decision::Forbid(_) => "✘",
                Decision::Hide(_) => "·",
            });
        }
        row.push_str(&cell.join(" "));
        row.push_str("     ");
    }
    row.trim_end().to_owned()
}
