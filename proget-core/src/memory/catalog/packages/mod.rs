//! Packages: changing them here, reading them beside.

mod read;

use super::state::{Moment, Package, State, StoredVersion};
use crate::catalog::{Conflict, FileRow, NewFile, PackageChange, PackageRow, VersionRef, VersionRow};
use crate::ids::{FeedId, FileId, PackageId, Stamp};
use crate::package::{FileName, NameKey, TagMode};
use std::collections::{BTreeMap, BTreeSet};

impl State {
    pub(super) fn change_package(&mut self, change: PackageChange, moment: &Moment) -> Result<(), Conflict> {
        match change {
            PackageChange::AddFile(file) => self.add_file(*file, moment),
            PackageChange::SetTag(of, tag) => {
                let package = self.package_with(&of)?;
                package.tags.insert(tag, of.version);
                self.touch(of.feed, &of.package, moment);
                Ok(())
            }
            PackageChange::RemoveTag(feed, name, tag) => {
                let package = self.packages.get_mut(&(feed, name.clone()));
                if package.is_some_and(|package| package.tags.remove(&tag).is_some()) {
                    self.touch(feed, &name, moment);
                }
                Ok(())
            }
            PackageChange::SetStatus(of, status) => {
                let package = self.package_with(&of)?;
                if let Some(version) = package.versions.get_mut(&of.version) {
                    version.row.status = status;
                }
                self.touch(of.feed, &of.package, moment);
                Ok(())
            }
            PackageChange::RemoveVersion(of) => self.remove_version(of, moment),
            PackageChange::RemoveFile(feed, name, file) => self.remove_file(feed, &name, &file, moment),
            PackageChange::RemovePackage(feed, name) => {
                self.packages.remove(&(feed, name.clone())).ok_or(Conflict::Absent)?;
                self.forget_lost_downloads();
                self.touch(feed, &name, moment);
                Ok(())
            }
            PackageChange::CountDownloads(counts) => {
                let known: BTreeSet<FileId> = self.files().map(|file| file.id).collect();
                for (file, times) in counts.into_iter().filter(|(file, _)| known.contains(file)) {
                    *self.downloads.entry(file).or_default() += times;
                }
                Ok(())
            }
        }
    }

    fn add_file(&mut self, new: NewFile, moment: &Moment) -> Result<(), Conflict> {
        if !self.feeds.contains_key(&new.feed) {
            return Err(Conflict::FeedChanged);
        }
        let store = self.publish_blob(new.blob, &new.key)?;
        let (package_id, file_id) = (PackageId(self.next_id()), FileId(self.next_id()));
        let name = new.package.key().clone();
        let package = self.packages.entry((new.feed, name.clone())).or_insert_with(|| Package {
            row: PackageRow {
                id: package_id,
                feed: new.feed,
                name: new.package,
                stamp: Stamp::random(),
                created: moment.at,
                modified: moment.at,
            },
            tags: BTreeMap::new(),
            versions: BTreeMap::new(),
        });
        if package.files().any(|file| file.name == new.file) {
            return Err(Conflict::FileExists);
        }
        let key = new.version.key().clone();
        let known = package.versions.remove(&key);
        let mut version = match known {
            Some(known) if !known.row.files.is_empty() => known,
            // New, or about to be replaced: what was decided about it stays, what it says of itself does not.
            known => StoredVersion {
                row: VersionRow {
                    version: new.version,
                    published: moment.at,
                    published_by: moment.actor.to_string(),
                    status: known.map(|known| known.row.status).unwrap_or_default(),
                    summary: new.summary,
                    fragment: new.version_fragment,
                    files: Vec::new(),
                },
                keywords: new.keywords,
                detail: new.detail,
                file_details: BTreeMap::new(),
            },
        };
        if !new.file_detail.0.is_empty() {
            version.file_details.insert(new.file.clone(), new.file_detail);
        }
        version.row.files.push(FileRow {
            id: file_id,
            name: new.file,
            blob: new.blob,
            store,
            key: new.key,
            size: new.size,
            digests: new.digests,
            fragment: new.file_fragment,
            published: moment.at,
        });
        version.row.files.sort_by(|left, right| left.name.cmp(&right.name));
        package.versions.insert(key.clone(), version);
        for change in new.tags {
            if change.mode == TagMode::Move || !package.tags.contains_key(&change.tag) {
                package.tags.insert(change.tag, key.clone());
            }
        }
        self.touch(new.feed, &name, moment);
        Ok(())
    }

    fn remove_version(&mut self, of: VersionRef, moment: &Moment) -> Result<(), Conflict> {
        let package = self.package_with(&of)?;
        package.versions.remove(&of.version);
        package.tags.retain(|_, version| *version != of.version);
        if package.versions.is_empty() {
            self.packages.remove(&(of.feed, of.package.clone()));
        }
        self.forget_lost_downloads();
        self.touch(of.feed, &of.package, moment);
        Ok(())
    }

    fn remove_file(
        &mut self,
        feed: FeedId,
        name: &NameKey,
        file: &FileName,
        moment: &Moment,
    ) -> Result<(), Conflict> {
        let package = self.packages.get_mut(&(feed, name.clone())).ok_or(Conflict::Absent)?;
        let has = |version: &&mut StoredVersion| version.row.files.iter().any(|known| known.name == *file);
        let version = package.versions.values_mut().find(has).ok_or(Conflict::Absent)?;
        version.row.files.retain(|known| known.name != *file);
        version.file_details.remove(file);
        self.forget_lost_downloads();
        self.touch(feed, name, moment);
        Ok(())
    }

    /// The package, if it has that version.
    fn package_with(&mut self, of: &VersionRef) -> Result<&mut Package, Conflict> {
        let package = self.packages.get_mut(&(of.feed, of.package.clone()));
        package.filter(|package| package.versions.contains_key(&of.version)).ok_or(Conflict::VersionAbsent)
    }

    /// New stamps for a package, if it is still there, and for all that its feed holds.
    fn touch(&mut self, feed: FeedId, name: &NameKey, moment: &Moment) {
        if let Some(package) = self.packages.get_mut(&(feed, name.clone())) {
            package.row.stamp = Stamp::random();
            package.row.modified = moment.at;
        }
        self.content.insert(feed, Stamp::random());
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &FileRow> {
        self.packages.values().flat_map(Package::files)
    }

    pub(super) fn forget_lost_downloads(&mut self) {
        let known: BTreeSet<FileId> = self.files().map(|file| file.id).collect();
        self.downloads.retain(|file, _| known.contains(file));
    }
}

impl Package {
    pub(super) fn files(&self) -> impl Iterator<Item = &FileRow> {
        self.versions.values().flat_map(|version| &version.row.files)
    }
}
