import { appError } from "../../domain/errors.ts";
import type { ForgePulls, Reaction } from "../forge.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import type { AppIdentity } from "./app-identity.ts";
import { isMarked, markedText, withoutMarker } from "./comment-marker.ts";
import type { GithubWorld } from "./github-world.ts";
import { statusOf } from "./request-errors.ts";
import type { Answer } from "./transport.ts";

type Comment = Answer<"GET /repos/{owner}/{repo}/issues/{issue_number}/comments">["data"][number];

const contents = { seen: "eyes", done: "+1", refused: "confused" } as const satisfies Record<Reaction, string>;

/** Written by our App itself. A person may copy a marker, and `performed_via_github_app` also stands on what a person did through it. */
export function isOurs(user: { readonly login?: string; readonly type?: string } | null, { login }: AppIdentity): boolean {
  return user?.login === login && user.type === "Bot";
}

export function pullComments({ client, identity }: GithubWorld): Pick<ForgePulls, "listComments" | "ensureComment" | "react"> {
  const inTurn = oneAtATime();

  async function* comments(repository: string, number: number): AsyncGenerator<Comment> {
    const route = "GET /repos/{owner}/{repo}/issues/{issue_number}/comments";
    try {
      for await (const page of client.pages(repository, "comments", route, { issue_number: number })) yield* page;
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
      throw appError("forge.pull-unknown", `${repository} has no pull request #${number}`, { cause: error });
    }
  }

  async function ensure(repository: string, number: number, key: string, text: string): Promise<void> {
    const body = markedText(key, text);
    const us = await identity();
    // All of them: on a long pull request ours is not on the first page.
    for await (const comment of comments(repository, number)) {
      if (!isOurs(comment.user, us) || !isMarked(key, comment.body ?? "")) continue;
      if (comment.body === body) return;
      const route = "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}";
      await client.request(repository, "comments", route, { comment_id: Number(comment.id), body });
      return;
    }
    await client.request(repository, "comments", "POST /repos/{owner}/{repo}/issues/{issue_number}/comments", {
      issue_number: number,
      body,
    });
  }

  async function react(repository: string, comment: number, reaction: Reaction): Promise<void> {
    const wanted = contents[reaction];
    const us = await identity();
    const route = "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions";
    const earlier: number[] = [];
    let there = false;
    for await (const page of client.pages(repository, "comments", `GET ${route}`, { comment_id: comment })) {
      for (const one of page) {
        if (!isOurs(one.user, us)) continue;
        if (one.content === wanted) there = true;
        else if (Object.values<string>(contents).includes(one.content)) earlier.push(Number(one.id));
      }
    }
    // First the new one: at no moment is there none.
    if (!there) await client.request(repository, "comments", `POST ${route}`, { comment_id: comment, content: wanted });
    for (const id of earlier)
      await client.find(repository, "comments", `DELETE ${route}/{reaction_id}`, { comment_id: comment, reaction_id: id });
  }

  return {
    async listComments(repository, number) {
      const us = await identity();
      const found = [];
      for await (const { id, user, body = "", created_at: at } of comments(repository, number)) {
        // Who deleted the account is shown as "ghost" by GitHub itself.
        found.push({ id: String(id), author: user?.login ?? "ghost", text: isOurs(user, us) ? withoutMarker(body) : body, at });
      }
      return found;
    },
    ensureComment: (repository, number, key, text) => inTurn(`${repository} ${number} ${key}`, () => ensure(repository, number, key, text)),
    async react(repository, _number, comment, reaction) {
      if (!/^[1-9][0-9]{0,15}$/.test(comment)) return;
      try {
        await inTurn(`${repository} ${comment}`, () => react(repository, Number(comment), reaction));
      } catch (error) {
        // The comment was deleted meanwhile: there is nothing to answer.
        if (statusOf(error) !== 404) throw error;
      }
    },
  };
}
