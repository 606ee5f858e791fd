//! The content of the server's folder: the objects of its bucket, and unfinished uploads.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use bytes::Bytes;

use crate::clients::BUCKET;
use crate::content::Content;

/// Objects by key.
pub type Objects = BTreeMap<String, Bytes>;

/// The objects of the bucket.
pub fn objects(root: &Path) -> io::Result<Objects> {
    let mut objects = Objects::new();
    collect(&root.join(BUCKET), "", &mut objects)?;
    Ok(objects)
}

fn collect(folder: &Path, prefix: &str, objects: &mut Objects) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{key}/"), objects)?;
        } else {
            objects.insert(key, fs::read(entry.path())?.into());
        }
    }
    Ok(())
}

/// Writes an object without a client.
pub fn put(root: &Path, key: &str, bytes: &[u8]) -> io::Result<()> {
    let path = root.join(BUCKET).join(key);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)
}

/// Writes objects without a client, each with the numbered content of its place.
pub fn put_many(root: &Path, keys: &[&str], content: Content) -> io::Result<()> {
    for (number, key) in keys.iter().enumerate() {
        put(root, key, &content.numbered(number).bytes())?;
    }
    Ok(())
}

/// The number of uploads and parts that the server keeps.
pub fn uploads(root: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(root)? {
        // An upload is a file of its own, and so is each part.
        count += usize::from(entry?.file_name().to_string_lossy().starts_with(".upload"));
    }
    Ok(count)
}
