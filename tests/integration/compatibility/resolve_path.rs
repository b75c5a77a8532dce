//! Paths in the output of a kernel: the reference's kernels are ipykernel, ours are fakes in the same directories.

use serde_json::{Value, json};

use super::intended;
use super::pair::{Configuration, Exchange, Pair, describe};
use super::request::Request;

/// The ids of kernels and the path of the document each is for.
const KERNELS: [(&str, &str); 6] = [
    ("00000000-0000-0000-0000-00000000000a", ""),
    ("00000000-0000-0000-0000-00000000000b", "d"),
    ("00000000-0000-0000-0000-00000000000c", "d/x.py"),
    ("00000000-0000-0000-0000-00000000000d", "dlink"),
    ("00000000-0000-0000-0000-00000000000e", "none/n.ipynb"),
    ("00000000-0000-0000-0000-00000000000f", "outdir"),
];
/// Kernels that are none: unknown, no id, ended, not named.
const NO_KERNELS: [&str; 5] = ["00000000-0000-0000-0000-000000000000", "x", "%20", ENDED, ""];
const ENDED: &str = "00000000-0000-0000-0000-000000000001";

const PATHS: [&str; 43] = [
    "x.py",
    "a.txt",
    "d/x.py",
    "d//x.py",
    "d/",
    "x.py/",
    "./x.py",
    "../a.txt",
    "../d/x.py",
    "none",
    "none/../x.py",
    "x.py/../x.py",
    "e/..",
    "e/../../a.txt",
    "",
    ".",
    "..",
    "../..",
    "../../outside/in.txt",
    "../outside/in.txt",
    "outlink",
    "outdir/in.txt",
    "outdir/../a.txt",
    "broken",
    "link",
    "dlink/x.py",
    "loop",
    "~nobody_at_all/x",
    ".hidden/x",
    "sp%20ace%20%C3%BC.txt",
    "%20x.py%20",
    "x%00y",
    "in.txt",
    "ROOT",
    "ROOT/d/x.py",
    "ROOT/d/../a.txt",
    "ROOT/none/../a.txt",
    "ROOT/./d//x.py/",
    "/etc/passwd",
    "/",
    "~",
    "~/none",
    "~/../root/d/x.py",
];

fn asked(path: &str, kernel: &str) -> Request {
    Request::new("GET", format!("api/resolvePath?path={path}&kernel={kernel}"))
}

/// What an answer says, without what other tests compare: the scope of the server.
fn in_kernel(answer: &Value) -> (Vec<&Value>, &Value) {
    let resolved = answer["resolved"].as_array().into_iter().flatten();
    let in_kernel = resolved.filter(|found| found["scope"] != "server");
    (in_kernel.collect(), &answer["unresolved"])
}

fn is_alike(exchange: &Exchange) -> bool {
    let (ours, theirs) = (exchange.ours.value(), exchange.theirs.value());
    exchange.ours.status == exchange.theirs.status
        && exchange.ours.headers == exchange.theirs.headers
        && in_kernel(&ours) == in_kernel(&theirs)
}

async fn start(pair: &mut Pair, kernel: &str, path: &str) {
    let body = json!({"kernel_id": kernel, "path": path});
    let started = pair
        .exchange(&Request::new("POST", "api/kernels").json(&body))
        .await;
    assert_eq!((started.ours.status, started.theirs.status), (201, 201));
}

#[tokio::test]
async fn paths_of_outputs_are_the_same_in_both_servers_kernels() {
    let mut pair = Pair::start(&Configuration::DEFAULT).await;
    for (kernel, path) in KERNELS {
        start(&mut pair, kernel, path).await;
    }
    start(&mut pair, ENDED, "d").await;
    let ended = Request::new("DELETE", format!("api/kernels/{ENDED}"));
    assert_eq!(pair.exchange(&ended).await.theirs.status, 204);
    let ids = KERNELS.map(|(id, _)| id);
    let (mut wrong, mut found) = (Vec::new(), 0);
    for kernel in ids.into_iter().chain(NO_KERNELS) {
        for path in PATHS {
            let exchange = pair.exchange(&asked(path, kernel)).await;
            found += in_kernel(&exchange.theirs.value()).0.len();
            let is_foreseen =
                exchange.theirs.status == 500 && intended::explained(exchange.clone()).is_equal();
            if !is_foreseen && !is_alike(&exchange) {
                wrong.push(describe(&exchange));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(found > ids.len() * PATHS.len() / 3, "the reference found {found}");
}
