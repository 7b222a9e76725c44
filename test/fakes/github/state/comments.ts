import { commentView } from "../views/comments.ts";
import { issueView } from "../views/issues.ts";
import { findIssue, newId, repositoryOf, timestamp, type World } from "../world.ts";
import type { Comment, Issue, Pull, Reaction, ReactionContent } from "./data.ts";

export function addComment(world: World, issue: Pull | Issue, author: string, body: string): Comment {
  const at = timestamp(world);
  const comment = { id: newId(world.data), repository: issue.repository, number: issue.number, author, body, createdAt: at, updatedAt: at };
  world.data.comments.set(comment.id, comment);
  // A comment moves the pull request up in lists by update.
  issue.updatedAt = at;
  tell(world, comment, "created", author);
  return comment;
}

export function editComment(world: World, comment: Comment, sender: string, body: string): void {
  const from = comment.body;
  comment.body = body;
  comment.updatedAt = timestamp(world);
  tell(world, comment, "edited", sender, { changes: { body: { from } } });
}

export function deleteComment(world: World, comment: Comment, sender: string): void {
  tell(world, comment, "deleted", sender);
  world.data.comments.delete(comment.id);
}

/** The reaction, and whether it is new: one person reacts once with each content. */
export function addReaction(
  world: World,
  comment: Comment,
  author: string,
  content: ReactionContent,
): { readonly reaction: Reaction; readonly isNew: boolean } {
  const found = world.data.reactions.find((each) => each.comment === comment.id && each.author === author && each.content === content);
  if (found) return { reaction: found, isNew: false };
  const reaction = { id: newId(world.data), comment: comment.id, author, content, at: timestamp(world) };
  world.data.reactions.push(reaction);
  return { reaction, isNew: true };
}

function tell(world: World, comment: Comment, action: string, sender: string, more: Readonly<Record<string, unknown>> = {}): void {
  const repository = repositoryOf(world, comment.repository);
  const issue = findIssue(world, comment.repository, comment.number);
  if (!issue) throw new Error(`comment ${comment.id} is on nothing`);
  const payload = { action, issue: issueView(world, issue), comment: commentView(world, comment), ...more };
  world.announce(`issue-comment-${action}`, { repository, sender, payload });
}
