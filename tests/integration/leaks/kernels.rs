//! Kernels: a thousand synthetic ones, of which two hundred have hosts of their own as by default, because starting two
//! processes for each takes a test's time; and twenty real ones.

use serde_json::json;

use super::footprint::{Footprint, memory_bytes, rows};
use super::{at_rest, start_and_end, until_right};
use crate::channels::ipykernel::python;
use crate::server::process::Home;

/// A thousand that keep 4 kB each would be beyond, or twenty that keep 200 kB each.
const GROWTH_BYTES_MAX: u64 = 4 << 20;

/// How many are started and ended, the first before anything is measured.
struct Kernels {
    first: usize,
    then: usize,
}

async fn leave_nothing_behind(home: &Home, arguments: &[&str], kernels: Kernels, code: &str) {
    let arguments: Vec<&str> = ["server", "--port=0"].iter().chain(arguments).copied().collect();
    let server = home.start(&arguments).await;
    start_and_end(&server.client(), kernels.first, code).await;
    let before = at_rest(|| Footprint::of(&server, home)).await;
    let memory = memory_bytes(&server);
    start_and_end(&server.client(), kernels.then, code).await;
    let look = || (Footprint::of(&server, home), before);
    until_right(look, |(after, before)| after.is_within(before)).await;
    let growth = memory_bytes(&server).saturating_sub(memory);
    assert!(growth < GROWTH_BYTES_MAX, "{memory} bytes and {growth} more");
    assert_eq!(rows(home), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_kernels_with_hosts_of_their_own_leave_nothing_behind() {
    let kernels = Kernels { first: 20, then: 200 };
    leave_nothing_behind(&Home::new(), &[], kernels, "print 20 times").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_hundred_kernels_that_the_server_looks_after_leave_nothing_behind() {
    let arguments = ["--Adrastea.kernel_host_process=False"];
    let kernels = Kernels { first: 40, then: 800 };
    leave_nothing_behind(&Home::new(), &arguments, kernels, "print 20 times").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_python_kernels_leave_nothing_behind() {
    let home = Home::new();
    let spec = json!({
        "argv": [python(), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python", "language": "python",
    });
    home.write("data/kernels/python3/kernel.json", &spec.to_string());
    let kernels = Kernels { first: 4, then: 20 };
    // A daemon each, and something to remember.
    let code = "import subprocess\nchild = subprocess.Popen(['sleep', '600'], start_new_session=True)\nprint(child.pid)";
    leave_nothing_behind(&home, &[], kernels, code).await;
}
