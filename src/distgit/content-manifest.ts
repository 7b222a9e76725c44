const specification =
  "https://raw.githubusercontent.com/containerbuildsystem/atomic-reactor/master/atomic_reactor/schemas/content_manifest.json";

/**
 * An image content manifest (version 1, as atomic-reactor defines it): where scanners find which content sets an image's RPMs come from. The layer is the
 * first one above the base image's. No sources are fetched for a build, so none are listed.
 */
export function contentManifest(contentSets: readonly string[], baseLayers: number): string {
  const manifest = {
    metadata: { icm_version: 1, icm_spec: specification, image_layer_index: baseLayers },
    content_sets: contentSets,
    image_contents: [],
    from_dnf_hint: false,
  };
  return `${JSON.stringify(manifest, null, 4)}\n`;
}
