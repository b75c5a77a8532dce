//! The table of docs/architecture.md, compared with what the manifests say.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// One row of the table.
struct Row {
    ours: BTreeSet<String>,
    outside: BTreeSet<String>,
}

#[test]
fn crates_depend_on_each_other_only_as_the_architecture_says() {
    let rows = rows(include_str!("../../docs/architecture.md"));
    let metadata = metadata();
    let crates = crates(&metadata);
    let names: BTreeSet<&str> = crates.iter().map(|package| package.name.as_str()).collect();

    let in_table: BTreeSet<&str> = rows.keys().map(String::as_str).collect();
    assert_eq!(
        in_table, names,
        "docs/architecture.md must have a row for each crate below crates/"
    );

    let mut wrong = Vec::new();
    for package in &crates {
        let row = &rows[package.name.as_str()];
        let ours = dependencies(package)
            .into_iter()
            .filter(|name| names.contains(name.as_str()));
        wrong.extend(
            ours.filter(|name| !row.ours.contains(name))
                .map(|name| format!("{} → {name}", package.name)),
        );
    }
    assert_eq!(
        wrong,
        Vec::<String>::new(),
        "not in the table of docs/architecture.md"
    );
}

#[test]
fn outside_crates_appear_only_where_the_architecture_says() {
    let rows = rows(include_str!("../../docs/architecture.md"));
    let metadata = metadata();
    let crates = crates(&metadata);
    let reserved: BTreeSet<&String> = rows.values().flat_map(|row| &row.outside).collect();
    assert!(
        reserved.len() > 5,
        "the last column of the table was not understood: {reserved:?}"
    );

    for outside in reserved {
        let allowed: BTreeSet<&str> = rows
            .iter()
            .filter(|(_, row)| row.outside.contains(outside))
            .map(|(name, _)| name.as_str())
            .collect();
        let users: BTreeSet<&str> = crates
            .iter()
            .filter(|package| dependencies(package).contains(outside))
            .map(|package| package.name.as_str())
            .collect();
        // test-support stands in for the outside world.
        let users: BTreeSet<&str> = users.into_iter().filter(|name| *name != "test-support").collect();
        assert_eq!(
            users, allowed,
            "who uses `{outside}`, and who may: see the table in docs/architecture.md"
        );
    }
}

#[test]
fn only_authorization_and_its_tests_may_name_the_router() {
    // Clippy refuses `axum::Router` elsewhere; an exception would need an attribute that this finds.
    for (path, text) in sources() {
        let excepted = text.contains("clippy::disallowed_types");
        assert!(
            !excepted || path.contains("crates/authorization/src/"),
            "{path} makes an exception from the rule that only `authorization` builds a router"
        );
    }
}

/// Every Rust source of the crates, with its path.
fn sources() -> Vec<(String, String)> {
    let mut sources = Vec::new();
    let mut directories = vec![std::path::PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates"
    ))];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                sources.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

fn metadata() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .no_deps()
        .exec()
        .expect("cargo metadata")
}

/// The packages below crates/.
fn crates(metadata: &Metadata) -> Vec<&Package> {
    let is_crate = |package: &&Package| package.manifest_path.as_str().contains("/crates/");
    metadata.packages.iter().filter(is_crate).collect()
}

/// Names of the normal dependencies; what tests need is free.
fn dependencies(package: &Package) -> BTreeSet<String> {
    let normal = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal);
    normal.map(|dependency| dependency.name.clone()).collect()
}

/// The rows of the table whose head begins with `crate` and `may depend on`.
fn rows(markdown: &str) -> BTreeMap<String, Row> {
    let lines = markdown
        .lines()
        .skip_while(|line| !line.starts_with("| crate | may depend on"));
    let table = lines.skip(2).take_while(|line| line.starts_with('|'));
    let rows: BTreeMap<_, _> = table
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            let [name, ours, _, outside] = cells[..] else {
                panic!("a row with other than four columns: {line}")
            };
            let name = quoted(name).into_iter().next().expect("the name of a crate");
            (
                name,
                Row {
                    ours: quoted(ours),
                    outside: quoted(outside),
                },
            )
        })
        .collect();
    assert!(
        !rows.is_empty(),
        "docs/architecture.md has no table of dependencies"
    );
    rows
}

/// The words between backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
