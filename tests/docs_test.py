#!/usr/bin/env python3
"""What documents name is there: linked files, metrics of alerts and dashboard, paths of the API, a README per module."""
import json
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = sorted(
    page for page in ROOT.rglob("*.md") if not {"build", ".git"} & set(page.relative_to(ROOT).parts)
)


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


class DocumentsTest(unittest.TestCase):
    def test_every_link_to_a_file_leads_somewhere(self):
        self.assertIn(ROOT / "README.md", PAGES)
        for page in PAGES:
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
                if not target.startswith("http"):
                    self.assertTrue((page.parent / target).exists(), f"{page.relative_to(ROOT)}: {target}")

    def test_source_files_that_pages_name_exist(self):
        modules = "|".join(folder.name for folder in (ROOT / "src").iterdir() if folder.is_dir())
        name = re.compile(rf"`(?:src/)?((?:{modules})/[\w/]+\.(?:h|cc|json))[`:]")
        for page in PAGES:
            for path in name.findall(page.read_text(encoding="utf-8")):
                self.assertTrue((ROOT / "src" / path).exists(), f"{page.relative_to(ROOT)}: {path}")

    def test_every_module_says_what_it_is_for(self):
        for cmake in (ROOT / "src").glob("*/CMakeLists.txt"):
            self.assertTrue((cmake.parent / "README.md").exists(), cmake.parent.name)

    def test_every_decision_stands_in_the_list(self):
        pages = {page.name for page in (ROOT / "docs/decisions").glob("*.md")} - {"README.md"}
        self.assertEqual(pages, set(re.findall(r"\]\(([\w-]+\.md)\)", text("docs/decisions/README.md"))))

    def test_alerts_and_dashboard_use_metrics_that_exist(self):
        metrics = set(re.findall(r'"(hindcast_\w+)"', text("src/server/metrics.cc")))
        for name in ("deploy/alerts.yml", "deploy/grafana.json"):
            used = set(re.findall(r"hindcast_\w+", text(name)))
            self.assertTrue(used)
            self.assertEqual(used - metrics, set(), name)
        json.loads(text("deploy/grafana.json"))

    def test_the_api_page_has_every_path(self):
        page = text("docs/api.md")
        for path, methods in json.loads(text("src/server/openapi.json"))["paths"].items():
            for method in methods:
                self.assertIn(f"`{method.upper()} {path}`", page)


if __name__ == "__main__":
    sys.exit(unittest.main())
