//! A project that was built by the real builder, as most packages are, and not by the kit.

use std::fs;

use anyhow::ensure;
use proget_tests::{Outcome, Pip, Twine, build_python_project};

use super::{hears, server};

const PROJECT: &str = r#"
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "Real.Widget"
version = "1.0.0rc1"
description = "turns things"
readme = "README.md"
requires-python = ">=3.9"
dependencies = ["real-widget-parts ; python_version < '3'"]
keywords = ["grain", "mill"]
authors = [{ name = "Ada Ä", email = "ada@example.invalid" }]

[tool.setuptools]
py-modules = ["real_widget"]
"#;

#[tokio::test]
async fn what_the_real_builder_builds_is_uploaded_and_installed_from_both_files() -> Outcome {
    let (_house, feed) = server().await?;
    let twine = Twine::new(&feed)?;
    let project = twine.folder("project")?;
    fs::write(project.join("pyproject.toml"), PROJECT)?;
    fs::write(project.join("README.md"), "# Widget\n\nIt turns — even umlauts: ä.\n")?;
    fs::write(project.join("real_widget.py"), "WORDS = 'really built'\n")?;
    let built = build_python_project(&project).await?;
    let mut names = fs::read_dir(&built)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Outcome<Vec<_>>>()?;
    names.sort();
    ensure!(names == ["real_widget-1.0.0rc1-py3-none-any.whl", "real_widget-1.0.0rc1.tar.gz"], "{names:?}");
    twine.upload_all(&built).await?.succeeded()?;
    let pip = Pip::new(&feed)?;
    let app = pip.install("app", &["--pre", "real.widget"]).await?;
    hears(&app, "real_widget", "really built").await?;
    let folder = pip.folder("fetched")?;
    let target = folder.display().to_string();
    // Not installed: that would need the builder, which this feed does not have.
    let download =
        ["download", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--pre", "-d", &target];
    pip.ask(&[&download[..], &["real-widget"]].concat()).await?.succeeded()?;
    ensure!(
        fs::read(folder.join(&names[1]))? == fs::read(built.join(&names[1]))?,
        "the source came back with other bytes"
    );
    Ok(())
}
