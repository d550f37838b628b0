//! The crates depend on each other only in the allowed directions: cli -> operate -> s3 -> core, and
//! functions -> lambda, s3 -> core. The sandbox knows nothing of Holdfast, and only the command line's feature `local`
//! and the tests use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use toml::{Table, Value};

/// The allowed dependencies of a package.
#[derive(Clone, Copy)]
enum Allowed {
    /// These packages of Holdfast.
    Packages(&'static [&'static str]),
    /// These packages of Holdfast, and crates of the sandbox as optional dependencies.
    PackagesAndOptionalSandbox(&'static [&'static str]),
    /// Every package, the sandbox included.
    Everything,
}

const FUNCTION: Allowed = Allowed::Packages(&["holdfast-core", "holdfast-lambda", "holdfast-s3"]);

/// Package -> the packages of this workspace that its manifest may name. A sandbox crate is not listed: it may depend
/// on sandbox crates only.
const ALLOWED: [(&str, Allowed); 13] = [
    ("holdfast-core", Allowed::Packages(&[])),
    ("holdfast-history", Allowed::Packages(&["holdfast-core"])),
    ("holdfast-s3", Allowed::Packages(&["holdfast-core"])),
    ("holdfast-lambda", Allowed::Packages(&["holdfast-core", "holdfast-s3"])),
    ("validate", FUNCTION),
    ("copy-part", FUNCTION),
    ("complete-multipart", FUNCTION),
    ("checksum-verify", FUNCTION),
    ("cross-region-replicate", FUNCTION),
    ("notify", Allowed::Packages(&["holdfast-core", "holdfast-history", "holdfast-lambda", "holdfast-s3"])),
    ("holdfast-operate", Allowed::Packages(&["holdfast-core", "holdfast-history", "holdfast-s3"])),
    ("holdfast", Allowed::PackagesAndOptionalSandbox(&["holdfast-core", "holdfast-operate"])),
    ("holdfast-tests", Allowed::Everything),
];

/// The folders of the sandbox's crates, as the root manifest names them.
const SANDBOX_FOLDERS: [&str; 1] = ["sandbox/"];

/// A manifest of the workspace.
struct Manifest {
    /// Its path from the root.
    path: String,
    package: String,
    dependencies: BTreeSet<Dependency>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    package: String,
    /// Whether only tests and examples have it.
    is_dev: bool,
    is_optional: bool,
}

impl Manifest {
    fn read(root: &Path, folder: &Path) -> Self {
        let path = folder.join("Cargo.toml");
        let table: Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        Self {
            path: path.strip_prefix(root).unwrap().display().to_string(),
            package: table["package"]["name"].as_str().unwrap().to_owned(),
            dependencies: dependencies(&table),
        }
    }

    fn is_sandbox(&self) -> bool {
        SANDBOX_FOLDERS.iter().any(|folder| self.path.starts_with(folder))
    }
}

/// Every dependency of a manifest, those for a single platform included.
fn dependencies(manifest: &Table) -> BTreeSet<Dependency> {
    let mut tables = vec![manifest];
    let platforms = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    tables.extend(platforms.filter_map(|(_, platform)| platform.as_table()));
    let mut found = BTreeSet::new();
    for table in tables {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
                found.insert(Dependency {
                    package: value.get("package").and_then(Value::as_str).unwrap_or(name).to_owned(),
                    is_dev: section == "dev-dependencies",
                    is_optional: value.get("optional").and_then(Value::as_bool).unwrap_or_default(),
                });
            }
        }
    }
    found
}

/// The folders that the root manifest lists as members; `folder/*` is each folder with a manifest.
fn members(root: &Path) -> Vec<PathBuf> {
    let manifest: Table = fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap().iter().map(|member| member.as_str().unwrap());
    let mut folders = Vec::new();
    for member in members {
        match member.strip_suffix("/*") {
            Some(parent) => folders.extend(fs::read_dir(root.join(parent)).unwrap().map(|entry| entry.unwrap().path())),
            None => folders.push(root.join(member)),
        }
    }
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    folders.sort();
    folders
}

/// The reason why a dependency is not allowed, if it is not.
fn objection(manifest: &Manifest, dependency: &Dependency, sandbox: &BTreeSet<&str>) -> Option<String> {
    let Manifest { path, package, .. } = manifest;
    let Dependency { package: name, is_dev, is_optional } = dependency;
    let is_sandbox = sandbox.contains(name.as_str());
    if manifest.is_sandbox() {
        let reason = "a crate of the sandbox may depend on crates of the sandbox only";
        return (!is_sandbox).then(|| format!("{path}: {package} must not depend on {name}: {reason}"));
    }
    let Some((_, allowed)) = ALLOWED.into_iter().find(|(listed, _)| listed == package) else {
        return Some(format!("{path}: {package} is not listed; add it to ALLOWED in tests/contract/dependencies.rs"));
    };
    let (packages, may_use_sandbox) = match allowed {
        Allowed::Everything => return None,
        Allowed::Packages(packages) => (packages, false),
        Allowed::PackagesAndOptionalSandbox(packages) => (packages, true),
    };
    if packages.contains(&name.as_str()) || (is_sandbox && may_use_sandbox && (*is_optional || *is_dev)) {
        return None;
    }
    let list = if packages.is_empty() { "no package of the workspace".to_owned() } else { packages.join(", ") };
    let optional = if may_use_sandbox { ", and on the sandbox if optional" } else { "" };
    Some(format!("{path}: {package} must not depend on {name}: it may depend on {list}{optional}"))
}

#[test]
fn each_crate_depends_only_on_the_crates_that_it_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let manifests: Vec<Manifest> = members(&root).iter().map(|folder| Manifest::read(&root, folder)).collect();
    let by_name: BTreeMap<&str, &Manifest> =
        manifests.iter().map(|manifest| (manifest.package.as_str(), manifest)).collect();
    let sandbox: BTreeSet<&str> =
        manifests.iter().filter(|manifest| manifest.is_sandbox()).map(|manifest| manifest.package.as_str()).collect();

    assert!(manifests.len() > 10 && !sandbox.is_empty(), "the root manifest has few members: {:?}", by_name.keys());

    let mut objections = Vec::new();
    for manifest in &manifests {
        let own = manifest.dependencies.iter().filter(|dependency| by_name.contains_key(dependency.package.as_str()));
        objections.extend(own.filter_map(|dependency| objection(manifest, dependency, &sandbox)));
    }

    assert!(objections.is_empty(), "\n{}", objections.join("\n"));
}

/// The packages outside the workspace with the features that a build of these packages selects.
fn features(packages: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["tree", "--locked", "--edges", "normal,build"]);
    command.args(["--prefix", "none", "--no-dedupe", "--format", "{p} [{f}]"]);
    for package in packages {
        command.args(["--package", package]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().filter(|line| !line.is_empty() && !line.contains(" (/")).map(str::to_owned).collect()
}

#[test]
fn the_demo_does_not_build_shared_dependencies_twice() {
    let functions =
        ["validate", "copy-part", "complete-multipart", "checksum-verify", "cross-region-replicate", "notify"];
    let command_line = features(&["holdfast"]);
    let with_functions = features(&[&["holdfast"], &functions[..]].concat());

    let built_again: Vec<_> = command_line.difference(&with_functions).collect();

    assert!(command_line.len() > 100, "{command_line:?}");
    assert!(
        built_again.is_empty(),
        "the functions need more features of these packages; enable the features in crates/cli/Cargo.toml: {built_again:?}"
    );
}

#[test]
fn an_offending_dependency_is_reported_with_its_manifest() {
    let manifest = |path: &str, package: &str| Manifest {
        path: path.to_owned(),
        package: package.to_owned(),
        dependencies: BTreeSet::new(),
    };
    let sandbox = BTreeSet::from(["sandbox"]);
    for (path, package, dependency, is_optional, expected) in [
        (
            "crates/core/Cargo.toml",
            "holdfast-core",
            "holdfast-s3",
            false,
            Some("crates/core/Cargo.toml: holdfast-core must"),
        ),
        ("crates/cli/Cargo.toml", "holdfast", "sandbox", false, Some("must not depend on sandbox: it may depend on")),
        ("crates/cli/Cargo.toml", "holdfast", "sandbox", true, None),
        ("crates/operate/Cargo.toml", "holdfast-operate", "sandbox", true, Some("must not depend on sandbox")),
        ("sandbox/s3/Cargo.toml", "sandbox-s3", "holdfast-core", false, Some("sandbox only")),
        ("sandbox/s3/Cargo.toml", "sandbox-s3", "sandbox", false, None),
        ("crates/new/Cargo.toml", "holdfast-new", "holdfast-core", false, Some("holdfast-new is not listed")),
    ] {
        let dependency = Dependency { package: dependency.to_owned(), is_dev: false, is_optional };
        let found = objection(&manifest(path, package), &dependency, &sandbox);
        match expected {
            Some(expected) => assert!(found.as_deref().is_some_and(|text| text.contains(expected)), "{found:?}"),
            None => assert_eq!(found, None),
        }
    }
}
