//! Threads of messages: the algorithm REFERENCES of RFC 5256 section 3.
//!
//! Decides which message answers which from `References` and `In-Reply-To`, and joins threads of one
//! base subject. Without recursion and linear but for sorting; references that would make a circle
//! are left out.

use std::borrow::Cow;
use std::collections::HashMap;

use super::subject;
use crate::mime::MessageView;
use crate::mime::json::Json;

/// What threading needs of one message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ThreadItem {
    /// The identifier without angle brackets.
    pub message_id: Option<String>,
    /// The identifiers of the thread, oldest first: `References`, else the first of `In-Reply-To`.
    pub references: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// Seconds since 1970, the order of siblings.
    pub date: i64,
}

impl From<MessageView<'_>> for ThreadItem {
    fn from(view: MessageView<'_>) -> Self {
        let mut references: Vec<String> =
            view.references().into_iter().map(Cow::into_owned).collect();
        if references.is_empty() {
            let answered = view.in_reply_to().into_iter().next();
            references.extend(answered.map(Cow::into_owned));
        }
        ThreadItem {
            message_id: view.message_id().map(Cow::into_owned),
            references,
            subject: view.subject().map(Cow::into_owned).unwrap_or_default(),
            date: view.date().map(|date| date.timestamp()).unwrap_or_default(),
        }
    }
}

/// One line of a list of threads, as it is shown: parents before their children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadEntry {
    /// How deep it is; 0 starts a thread.
    pub depth: u32,
    /// Which of the items it is; `None` for a message that is missing and holds others together.
    pub item: Option<usize>,
}

/// [`threads`] of items that are written as text (`index::FIELD_THREADS`), as JSON:
/// `[[depth,item]]`, the item `null` where it is missing.
pub(crate) fn threads_json(items: &str) -> String {
    let item = |text: &str| {
        let mut fields = text.split('\u{1f}');
        let mut next = || fields.next().unwrap_or_default();
        ThreadItem {
            message_id: Some(next()).filter(|id| !id.is_empty()).map(str::to_owned),
            references: next().split_whitespace().map(str::to_owned).collect(),
            subject: next().to_owned(),
            date: next().parse().unwrap_or_default(),
        }
    };
    let items: Vec<_> = match items {
        "" => Vec::new(),
        items => items.split('\u{1e}').map(item).collect(),
    };
    let mut json = Json::default();
    json.list(threads(&items).into_iter(), |json, entry| {
        json.list(
            [Some(entry.depth as usize), entry.item].into_iter(),
            |json, number| match number {
                Some(number) => json.number(number as u64),
                None => json.null(),
            },
        );
    });
    json.out
}

const NONE: usize = usize::MAX;

#[derive(Clone)]
struct Node {
    item: Option<usize>,
    parent: usize,
    children: Vec<usize>,
}

struct Forest {
    nodes: Vec<Node>,
}

impl Forest {
    fn add(&mut self, item: Option<usize>) -> usize {
        self.nodes.push(Node {
            item,
            parent: NONE,
            children: Vec::new(),
        });
        self.nodes.len() - 1
    }

    fn parent(&self, node: usize) -> usize {
        self.nodes.get(node).map_or(NONE, |node| node.parent)
    }

    fn set_parent(&mut self, node: usize, parent: usize) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.parent = parent;
        }
    }

    fn children(&self, node: usize) -> &[usize] {
        self.nodes
            .get(node)
            .map(|node| node.children.as_slice())
            .unwrap_or_default()
    }

    fn set_children(&mut self, node: usize, children: Vec<usize>) {
        for &child in &children {
            self.set_parent(child, node);
        }
        if let Some(node) = self.nodes.get_mut(node) {
            node.children = children;
        }
    }

    fn item(&self, node: usize) -> Option<usize> {
        self.nodes.get(node)?.item
    }
}

/// Sets of nodes that are linked, so that a circle is seen in nearly constant time.
struct Linked(Vec<usize>);

impl Linked {
    fn root(&mut self, mut node: usize) -> usize {
        while let Some(&above) = self.0.get(node).filter(|above| **above != node) {
            let next = self.0.get(above).copied().unwrap_or(above);
            if let Some(place) = self.0.get_mut(node) {
                *place = next;
            }
            node = above;
        }
        node
    }
}

/// The threads of messages, each one a run of entries that starts at depth 0, sorted by date.
pub fn threads(items: &[ThreadItem]) -> Vec<ThreadEntry> {
    let mut forest = Forest { nodes: Vec::new() };
    link(items, &mut forest);
    // Children are known by their parents now.
    let count = forest.nodes.len();
    let mut children = vec![Vec::new(); count];
    let mut roots = Vec::new();
    for node in 0..count {
        match children.get_mut(forest.parent(node)) {
            Some(siblings) => siblings.push(node),
            None => roots.push(node),
        }
    }
    for (node, children) in children.into_iter().enumerate() {
        forest.set_children(node, children);
    }
    let roots = prune(&mut forest, roots);
    let roots = join_subjects(items, &mut forest, roots);
    list(items, &mut forest, roots)
}

/// Step 1: every message below the last of its references.
fn link(items: &[ThreadItem], forest: &mut Forest) {
    let mut by_id: HashMap<&str, usize> = HashMap::new();
    let mut own = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let node = forest.add(Some(index));
        own.push(node);
        if let Some(id) = item.message_id.as_deref() {
            // Of two messages with one identifier the second stands by itself.
            by_id.entry(id).or_insert(node);
        }
    }
    let mut linked = Linked((0..forest.nodes.len()).collect());
    for (item, &node) in items.iter().zip(&own) {
        let mut above = NONE;
        let mut last = NONE;
        for id in &item.references {
            let next = *by_id.entry(id).or_insert_with(|| {
                let node = forest.add(None);
                linked.0.push(node);
                node
            });
            if above != NONE {
                attach(forest, &mut linked, next, above);
            }
            (above, last) = (next, next);
        }
        if last != NONE && last != node {
            // What others said of this message's place counts less than what it says itself.
            attach(forest, &mut linked, node, last);
        }
    }
}

/// Puts `node` below `parent` unless it has a place already or would come below itself.
fn attach(forest: &mut Forest, linked: &mut Linked, node: usize, parent: usize) {
    if forest.parent(node) != NONE {
        return;
    }
    // Without a parent a node is the top of all that is linked to it.
    let (mine, theirs) = (linked.root(node), linked.root(parent));
    if mine != theirs {
        forest.set_parent(node, parent);
        if let Some(place) = linked.0.get_mut(mine) {
            *place = theirs;
        }
    }
}

/// Step 3: missing messages without children go; with one they give it their place, and at the top
/// they stay only with several.
fn prune(forest: &mut Forest, roots: Vec<usize>) -> Vec<usize> {
    // Children before parents.
    let mut order = roots.clone();
    let mut at = 0;
    while let Some(&node) = order.get(at) {
        order.extend_from_slice(forest.children(node));
        at += 1;
    }
    for &node in order.iter().rev() {
        let children = forest.children(node).to_vec();
        if children.iter().all(|child| forest.item(*child).is_some()) {
            continue;
        }
        let mut kept = Vec::with_capacity(children.len());
        for child in children {
            match forest.item(child) {
                Some(_) => kept.push(child),
                None => kept.extend_from_slice(forest.children(child)),
            }
        }
        forest.set_children(node, kept);
    }
    let mut kept = Vec::with_capacity(roots.len());
    for root in roots {
        match (forest.item(root), forest.children(root)) {
            (None, []) => {}
            (None, [only]) => {
                let only = *only;
                forest.set_parent(only, NONE);
                kept.push(only);
            }
            _ => kept.push(root),
        }
    }
    kept
}

/// Step 5: threads with one base subject are one.
fn join_subjects(items: &[ThreadItem], forest: &mut Forest, roots: Vec<usize>) -> Vec<usize> {
    let first = |forest: &Forest, root: usize| {
        let item = forest.item(root);
        item.or_else(|| forest.item(*forest.children(root).first()?))
    };
    let subject = |forest: &Forest, root: usize| {
        let item = items.get(first(forest, root)?)?;
        Some(subject::base(&item.subject)).filter(|(base, _)| !base.is_empty())
    };
    // For each subject the thread that the others join: a missing top first, then one that is no reply.
    let mut tops: HashMap<String, (usize, bool)> = HashMap::new();
    for &root in &roots {
        let Some((base, is_reply)) = subject(forest, root) else {
            continue;
        };
        let is_missing = forest.item(root).is_none();
        match tops.get_mut(&base) {
            None => {
                tops.insert(base, (root, is_reply));
            }
            Some((top, top_is_reply)) => {
                let top_is_missing = forest.item(*top).is_none();
                if (is_missing && !top_is_missing)
                    || (!top_is_missing && *top_is_reply && !is_reply)
                {
                    (*top, *top_is_reply) = (root, is_reply);
                }
            }
        }
    }
    let mut kept = Vec::with_capacity(roots.len());
    // Tops that became the child of a new, missing one.
    let mut moved: HashMap<usize, usize> = HashMap::new();
    for root in roots {
        let Some((base, is_reply)) = subject(forest, root) else {
            kept.push(root);
            continue;
        };
        let (top, top_is_reply) = tops.get(&base).copied().unwrap_or((root, is_reply));
        if top == root {
            kept.push(root);
            continue;
        }
        let top = moved.get(&top).copied().unwrap_or(top);
        let (is_missing, top_is_missing) =
            (forest.item(root).is_none(), forest.item(top).is_none());
        let push = |forest: &mut Forest, node: usize| {
            if let Some(parent) = forest.nodes.get_mut(top) {
                parent.children.push(node);
            }
            forest.set_parent(node, top);
        };
        if is_missing && top_is_missing {
            for child in forest.children(root).to_vec() {
                push(forest, child);
            }
        } else if top_is_missing || (is_reply && !top_is_reply) {
            push(forest, root);
        } else {
            // Neither is the answer to the other: both go below a missing message.
            let above = forest.add(None);
            let old = top;
            forest.set_children(above, vec![old, root]);
            moved.insert(tops.get(&base).map_or(old, |(top, _)| *top), above);
        }
    }
    kept.into_iter()
        .map(|root| moved.get(&root).copied().unwrap_or(root))
        .collect()
}

/// Steps 4 and 6: siblings by date, then everything in the order that it is shown in.
fn list(items: &[ThreadItem], forest: &mut Forest, mut roots: Vec<usize>) -> Vec<ThreadEntry> {
    let mut dates = vec![i64::MAX; forest.nodes.len()];
    let mut order = roots.clone();
    let mut at = 0;
    while let Some(&node) = order.get(at) {
        order.extend_from_slice(forest.children(node));
        at += 1;
    }
    // A missing message is as old as its oldest child.
    for &node in order.iter().rev() {
        let own = forest.item(node).and_then(|item| items.get(item));
        let oldest = || {
            forest
                .children(node)
                .iter()
                .filter_map(|child| dates.get(*child))
                .min()
        };
        let date = own.map(|item| item.date).or_else(|| oldest().copied());
        if let Some(place) = dates.get_mut(node) {
            *place = date.unwrap_or(i64::MAX);
        }
    }
    let by_date = |nodes: &mut Vec<usize>| {
        nodes.sort_by_key(|node| dates.get(*node).copied().unwrap_or(i64::MAX));
    };
    by_date(&mut roots);
    let mut out = Vec::with_capacity(order.len());
    let mut open: Vec<(usize, u32)> = roots.iter().rev().map(|root| (*root, 0)).collect();
    while let Some((node, depth)) = open.pop() {
        out.push(ThreadEntry {
            depth,
            item: forest.item(node),
        });
        let mut children = forest.children(node).to_vec();
        by_date(&mut children);
        open.extend(children.iter().rev().map(|child| (*child, depth + 1)));
    }
    out
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::{ThreadItem, threads};

    fn item(id: &str, references: &str, subject: &str, date: i64) -> ThreadItem {
        ThreadItem {
            message_id: (!id.is_empty()).then(|| id.to_owned()),
            references: references.split_whitespace().map(str::to_owned).collect(),
            subject: subject.to_owned(),
            date,
        }
    }

    fn drawn(items: &[ThreadItem]) -> String {
        let entries = threads(items);
        let mut seen: Vec<_> = entries.iter().filter_map(|entry| entry.item).collect();
        seen.sort_unstable();
        assert_eq!(
            seen,
            (0..items.len()).collect::<Vec<_>>(),
            "every message once"
        );
        let line = |entry: &super::ThreadEntry| {
            let name = entry.item.map_or("-".to_owned(), |item| item.to_string());
            format!("{}{name}", ".".repeat(entry.depth as usize))
        };
        entries.iter().map(line).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn answers_stand_below_what_they_answer() {
        let items = [
            item("a", "", "x", 1),
            item("c", "a b", "Re: x", 3),
            item("b", "a", "Re: x", 2),
            item("d", "a", "Re: x", 4),
            item("z", "", "other", 0),
        ];
        assert_eq!(drawn(&items), "4 0 .2 ..1 .3");
    }

    #[test]
    fn missing_messages_hold_their_answers_together() {
        let items = [item("b", "a", "Re: x", 2), item("c", "a", "Re: x", 1)];
        assert_eq!(drawn(&items), "- .1 .0");
        assert_eq!(drawn(&[item("b", "a", "Re: x", 2)]), "0");
        assert_eq!(
            drawn(&[item("c", "a b", "s", 1), item("d", "a b", "s", 2)]),
            "- .0 .1"
        );
    }

    #[test]
    fn threads_of_one_subject_are_joined() {
        let items = [item("a", "", "x", 1), item("b", "", "Re: x", 2)];
        assert_eq!(drawn(&items), "0 .1");
        let items = [
            item("a", "", "x", 1),
            item("b", "", "x", 2),
            item("c", "", "x", 3),
        ];
        assert_eq!(drawn(&items), "- .0 .1 .2");
        let items = [item("", "", "", 1), item("", "", "", 2)];
        assert_eq!(drawn(&items), "0 1");
    }

    #[test]
    fn circles_and_doubles_are_no_harm() {
        let items = [
            item("a", "b", "x", 1),
            item("b", "a", "y", 2),
            item("a", "a", "z", 3),
            item("c", "c", "w", 4),
        ];
        assert_eq!(drawn(&items).matches(char::is_numeric).count(), 4);
        let chain: Vec<_> = (0..20_000)
            .map(|at: i64| item(&at.to_string(), &(at - 1).to_string(), "s", at))
            .collect();
        assert_eq!(threads(&chain).last().unwrap().depth, 19_999);
        let long: String = (0..60_000).map(|at| format!("{at} ")).collect();
        assert_eq!(drawn(&[item("x", &long, "s", 0)]), "0");
    }

    #[test]
    fn many_threads_of_one_subject_are_joined_in_time() {
        let items: Vec<_> = (0..20_000)
            .map(|at: i64| item(&format!("m{at}"), "", ["x", "Re: x"][at as usize % 2], at))
            .collect();
        assert_eq!(
            threads(&items)
                .iter()
                .filter(|entry| entry.depth == 0)
                .count(),
            1
        );
    }
}
