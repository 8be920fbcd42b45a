"""Start formgrader on a course, as an instructor does, and visit its pages with Chromium, clicking everywhere."""

import json
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from nbgrader.api import Gradebook

from grader.nbgrader_bridge.gradebook import COURSE_ID
from tests.grader.formgrader_server import TOKEN, formgrader
from tests.grader.sample_class import STEM

# Every element that a student's text became, and points all over the window: formgrader's own controls are left alone,
# and links that lead elsewhere in a window of their own are looked at, not followed.
CLICKS = """() => {
  const ours = e => !e.closest(".rendered_html, .output, .input_area, .inner_cell") &&
                    e.closest(".panel-heading, .panel-footer, nav, .help");
  const away = e => { const a = e.closest("a[href]"); return a && a.target == "_blank" && a.rel.includes("noreferrer")
                      && new URL(a.href).host != location.host; };
  for (const e of document.querySelectorAll("#notebook-container .rendered_html *, #notebook-container .output *, " +
                                            "#notebook-container .input_area *, #notebook-container pre"))
    if (e.isConnected && !away(e) && e.click) e.click();
  const points = [];
  for (let y = 70; y < innerHeight; y += 140) for (let x = 150; x < innerWidth; x += 330) {
    const e = document.elementFromPoint(x, y);
    if (e && !ours(e) && !away(e)) points.push([x, y]);
  }
  return points;
}"""
AT_REST = "typeof formgrader == 'undefined' || !!formgrader.comments?.loaded && formgrader.grades.loaded"


@contextmanager
def served(folder):
    """The address of formgrader, started in the course directory `folder`, with its configuration."""
    with formgrader(folder, Path(folder) / "jupyter.log") as server:
        yield server.address


def ask(address, path):
    """What the server answers, as data."""
    request = urllib.request.Request(address + path, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def submissions(address):
    """{student: where formgrader shows what was handed in}."""
    listed = ask(address, f"/formgrader/api/submitted_notebooks/{STEM}/{STEM}")
    return {each["student"]: f"{address}/formgrader/submissions/{each['id']}/" for each in listed}


def by_hand(course_folder, student):
    """What a person has given: scores, extra credit and comments of one submission, by grade id."""
    with Gradebook(f"sqlite:///{course_folder}/gradebook.db", COURSE_ID) as gradebook:
        notebook = gradebook.find_submission_notebook(STEM, STEM, student)
        scores = {grade.name: (grade.manual_score, grade.extra_credit) for grade in notebook.grades}
        return scores | {f"{comment.name} comment": comment.manual_comment for comment in notebook.comments}


class Visitor:
    """Somebody who is logged in, opens pages and clicks all over them.

    seen: what happened since the page had come to rest: requests, dialogs, windows, refusals of the policy, errors.
    """

    def __init__(self, browser, address):
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
        self.page = self.context.new_page()
        self.seen, self.address = [], address
        self.context.on("request", lambda request: self.seen.append(f"{request.method} {request.url[:200]}"))
        self.context.on("page", lambda page: self.seen.append(f"window {page.url}"))
        self.context.route(lambda url: not url.startswith((address, "file:", "data:")), lambda route: route.abort())
        self.page.on("dialog", lambda dialog: (self.seen.append("dialog"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.seen.append(f"error {error}"))
        self.page.on("console", lambda told: self.seen.append(told.text) if told.type == "error" else None)
        self.page.goto(f"{address}/formgrader/gradebook?token={TOKEN}")

    def open(self, address):
        """Open a page and wait until it rests. Returns what was refused or went wrong meanwhile."""
        self.seen.clear()
        self.page.goto(address, wait_until="load")
        for _ in range(100):
            if self.page.evaluate(AT_REST):
                break
            self.page.wait_for_timeout(20)
        troubles = [what for what in self.seen if not what.startswith("GET ")]
        self.title = self.page.title()
        self.seen.clear()
        return troubles

    def click_everywhere(self):
        """Click every element of the student's, and all over the window at the top and at the bottom of the page."""
        for place in ("0", "document.body.scrollHeight"):
            if self.page.url.startswith("chrome-error:"):
                break
            self.page.evaluate(f"scrollTo(0, {place})")
            for x, y in self.page.evaluate(CLICKS):
                self.page.mouse.click(x, y)
        self.page.wait_for_timeout(50)
        if self.page.title() != self.title:
            self.seen.append(f"title {self.page.title()}")
