//! What `deploy/` ships beside the balancers' files, and no engine is here to run: each is judged by
//! a linter of its kind. That is less than running it, and the files say so.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use proget_tests::Outcome;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A linter that `./test.sh` installs under `target/clients`, beside the Python clients.
fn linter(name: &str) -> Outcome<PathBuf> {
    let clients = std::env::var_os("PROGET_TEST_PYTHON").map(PathBuf::from);
    let clients = clients.as_deref().and_then(Path::parent).map(Path::to_owned);
    let folder = clients.unwrap_or_else(|| root().join("target/clients"));
    let program = folder.join("linters/bin").join(name);
    ensure!(program.is_file(), "{} is not installed: run ./test.sh, which installs it", program.display());
    Ok(program)
}

/// What the linter says about the file; nothing if it is content.
fn judge(program: &Path, arguments: &[&str], file: &Path) -> Outcome<Option<String>> {
    let mut command = Command::new(program);
    command.args(arguments).arg(file).current_dir(root().join("deploy"));
    let output = command.output().with_context(|| format!("starting {}", program.display()))?;
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Ok((!output.status.success()).then_some(text))
}

/// Demands that the file passes, and that the same file with `harm` done to it does not: a linter that
/// looks at nothing would pass everything.
fn passes(program: &Path, arguments: &[&str], file: &str, harm: (&str, &str)) -> Outcome {
    let path = root().join("deploy").join(file);
    let verdict = judge(program, arguments, &path)?;
    ensure!(verdict.is_none(), "{file}: {}", verdict.unwrap_or_default());
    let text = std::fs::read_to_string(&path)?;
    ensure!(text.contains(harm.0), "{file} has no {:?} to be harmed", harm.0);
    let folder = tempfile::tempdir()?;
    let harmed = folder.path().join(path.file_name().context("no name")?);
    std::fs::write(&harmed, text.replace(harm.0, harm.1))?;
    ensure!(judge(program, arguments, &harmed)?.is_some(), "{file} passes also with {:?}", harm.1);
    Ok(())
}

#[test]
fn the_container_file_passes_hadolint() -> Outcome {
    let harm = ("WORKDIR /src", "WORKDIR src");
    passes(&linter("hadolint")?, &[], "container/Containerfile", harm)
}

#[test]
fn the_manifests_fit_the_schemas_of_kubernetes() -> Outcome {
    let harm = ("minReadySeconds", "minReadySecond");
    passes(&linter("kubernetes-validate")?, &["--strict"], "kubernetes/proget.yaml", harm)
}

#[test]
fn manifests_and_compose_file_pass_yamllint() -> Outcome {
    let yamllint = Path::new("yamllint");
    let arguments = ["--strict", "--config-file", ".yamllint"];
    passes(yamllint, &arguments, "kubernetes/proget.yaml", ("replicas: 3", "replicas:  3"))?;
    passes(yamllint, &arguments, "compose/compose.yaml", ("restart: unless", "restart:  unless"))
}

#[test]
fn the_unit_passes_systemd() -> Outcome {
    // It must find the program, which is not installed here; everything else is as shipped.
    let text = std::fs::read_to_string(root().join("deploy/systemd/proget.service"))?;
    let (shipped, here) = ("ExecStart=/usr/local/bin/proget run", "ExecStart=/bin/true run");
    ensure!(text.contains(shipped), "the unit starts something else");
    let folder = tempfile::tempdir()?;
    let unit = folder.path().join("proget.service");
    let verify = |text: &str| -> Outcome<String> {
        std::fs::write(&unit, text)?;
        let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // It also judges what is installed on this machine; only our lines count.
        let ours = said.lines().filter(|line| line.contains("proget.service"));
        Ok(ours.collect::<Vec<_>>().join("\n"))
    };
    let text = text.replace(shipped, here);
    let said = verify(&text)?;
    ensure!(said.is_empty(), "systemd says: {said}");
    ensure!(
        !verify(&text.replace("ProtectSystem=strict", "ProtectSystm=strict"))?.is_empty(),
        "it passes everything"
    );
    Ok(())
}
