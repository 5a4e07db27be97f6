'use strict';
(() => {
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const root = document.documentElement;
  const said = find('#said');
  const say = (text) => { said.textContent = text; };

  // Light and dark: the system's choice until the reader makes one.
  const theme = find('#theme');
  const systemDark = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme || (systemDark.matches ? 'dark' : 'light')) === 'dark';
  const showTheme = () => {
    theme.textContent = isDark() ? 'Light' : 'Dark';
    theme.setAttribute('aria-label', isDark() ? 'Change to light colours' : 'Change to dark colours');
    theme.setAttribute('aria-pressed', String(isDark()));
  };
  theme.hidden = false;
  theme.addEventListener('click', () => { root.dataset.theme = isDark() ? 'light' : 'dark'; showTheme(); });
  systemDark.addEventListener('change', showTheme);
  showTheme();

  // Commands and scripts are copied with a button.
  const copy = async (block) => {
    const text = find('pre', block).textContent;
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const selection = getSelection();
      selection.selectAllChildren(find('code', block));
      try { return document.execCommand('copy'); } catch { return false; }
    }
  };
  for (const block of all('.copy')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Copy';
    button.setAttribute('aria-label', 'Copy ' + block.dataset.name);
    button.addEventListener('click', async () => {
      const done = await copy(block);
      button.textContent = done ? 'Copied' : 'Selected';
      say(done ? 'Copied' : 'Selected; copy it with the keyboard');
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
    block.append(button);
  }

  // A link to something inside a closed part opens the part.
  const reveal = (element) => {
    for (let e = element; e; e = e.parentElement) if (e.tagName === 'DETAILS') e.open = true;
  };
  const target = () => {
    const element = location.hash && document.getElementById(location.hash.slice(1));
    if (element) { reveal(element); element.scrollIntoView(); }
  };
  addEventListener('hashchange', target);
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && !event.defaultPrevented && link.getAttribute('href') === location.hash) target();
  });

  // The sentence of a rule under the pointer or the focus.
  for (const family of all('div.family')) {
    const hint = find('.hint', family);
    const show = (event) => {
      const rule = event.target.closest('summary')?.parentElement;
      const shown = rule?.matches('.rule') && !rule.open;
      hint.classList.toggle('shown', Boolean(shown));
      if (shown) hint.textContent = find('.statement', rule).textContent + ' (' + [rule.dataset.state.replace('-', ' '), rule.dataset.level].filter(Boolean).join(', ') + ')';
    };
    const hide = () => hint.classList.remove('shown');
    for (const name of ['mouseover', 'focusin']) family.addEventListener(name, show);
    for (const name of ['mouseleave', 'focusout', 'click']) family.addEventListener(name, hide);
    family.addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
  }

  // A family of the matrix opens at each of its cells.
  for (const row of all('.family-row:has(details)')) {
    row.addEventListener('click', (event) => {
      if (event.target.closest('summary, a') || String(getSelection())) return;
      const part = find('details', row);
      part.open = !part.open;
    });
  }

  // Filter
  const filter = find('#filter');
  if (filter) {
    filter.hidden = false;
    const fields = all('input, select', filter);
    const field = (name) => find('#f-' + name);
    const items = all('.filtered .rule, .filtered .divergence, .matrix tr.rule').map((element) => ({ element, text: ((find('h3', element.closest('.violated-rule') || element)?.textContent || '') + element.textContent).toLowerCase() }));
    const apply = () => {
      const text = field('text').value.trim().toLowerCase();
      const wanted = ['state', 'level', 'family'].map((name) => [name, field(name)?.value]).filter(([, value]) => value);
      const differs = field('differs')?.checked;
      const shown = { rule: 0, divergence: 0 }, total = { rule: 0, divergence: 0 };
      for (const { element, text: content } of items) {
        const kind = element.classList.contains('divergence') ? 'divergence' : 'rule';
        const fits = wanted.every(([name, value]) => element.dataset[name] === value) && (!text || content.includes(text)) && (!differs || 'differs' in element.dataset);
        element.hidden = !fits;
        total[kind]++;
        if (fits) shown[kind]++;
      }
      for (const group of all('.filtered .family, .filtered .violated-rule, tbody.family')) group.hidden = !find('.rule:not([hidden]), .divergence:not([hidden])', group);
      const count = (kind) => total[kind] ? [`${shown[kind]} of ${total[kind]} ${kind}s`] : [];
      const active = text || wanted.length || differs;
      find('#f-count').textContent = active ? [...count('rule'), ...count('divergence')].join(', ') : '';
    };
    filter.addEventListener('input', apply);
    find('#f-clear').addEventListener('click', () => {
      for (const f of fields) { if (f.type === 'checkbox') f.checked = false; else f.value = ''; }
      apply();
    });
    apply();
  }

  const tools = find('.tools');
  const parts = all('.divergence > .folds > .fold, .folded .family-row details');
  if (tools && parts.length) {
    tools.hidden = false;
    const setAll = (open) => { for (const part of parts) part.open = open; };
    find('#open-all').addEventListener('click', () => setAll(true));
    find('#close-all').addEventListener('click', () => setAll(false));
  }

  // A picture of many cells is one stop of the tab key; the arrows move within it, and a cell's
  // details are shown below it.
  const picture = (box, links, detail, describe) => {
    if (!box || !links.length) return;
    detail.hidden = false;
    detail.textContent = 'Choose a cell with the pointer, or with the arrow keys, for its details.';
    let current = links[0];
    for (const link of links) link.setAttribute('tabindex', link === current ? '0' : '-1');
    const choose = (link, focus) => {
      current.setAttribute('tabindex', '-1');
      for (const other of all('.chosen', box)) other.classList.remove('chosen');
      current = link;
      link.setAttribute('tabindex', '0');
      link.classList.add('chosen');
      if (focus) link.focus();
      detail.textContent = describe(link);
    };
    box.addEventListener('click', (event) => {
      const link = event.target.closest('a');
      if (!link) return;
      event.preventDefault();
      choose(link, true);
    });
    box.addEventListener('focusin', (event) => {
      const link = event.target.closest('a');
      if (link) choose(link, false);
    });
    const towards = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    box.addEventListener('keydown', (event) => {
      if (event.key === 'Home' || event.key === 'End') {
        event.preventDefault();
        choose(links[event.key === 'Home' ? 0 : links.length - 1], true);
        return;
      }
      const way = towards[event.key];
      if (!way) return;
      event.preventDefault();
      const from = current.getBoundingClientRect();
      let best = null, least = Infinity;
      for (const link of links) {
        const to = link.getBoundingClientRect();
        const along = (to.left - from.left) * way[0] + (to.top - from.top) * way[1];
        const aside = Math.abs((to.left - from.left) * way[1]) + Math.abs((to.top - from.top) * way[0]);
        if (along > 1 && along + 4 * aside < least) { least = along + 4 * aside; best = link; }
      }
      if (best) choose(best, true);
    });
  };
  const row = (link) => { const id = link.getAttribute('href').slice(1); return document.getElementById(id); };
  const walk = find('#walk');
  if (walk) {
    picture(walk, all('td a', walk), find('#walk-detail'), (link) => {
      const missing = row(link)?.matches('tr') ? '. Not covered: ' + row(link).lastElementChild.textContent : '.';
      return 'The trail ' + link.getAttribute('aria-label') + missing;
    });
  }
  const heat = find('#heat');
  if (heat) {
    picture(heat, all('td a', heat), find('#heat-detail'), (link) => {
      const cells = row(link) ? [...row(link).children].slice(2).map((cell) => cell.textContent).filter(Boolean) : [];
      return [link.getAttribute('aria-label'), ...cells].join('. ');
    });
  }
  target();
})();
