-- What a line calls its product and provider is part of the document: a product that gets another name
-- later doesn't change what was issued. Lines of before get today's names.
ALTER TABLE document_line ADD COLUMN product_name text, ADD COLUMN provider_name text;
ALTER TABLE document_line DISABLE TRIGGER document_line_guard;
UPDATE document_line l SET product_name = p.name, provider_name = o.name
  FROM product p, organisation o WHERE p.id = l.product_id AND o.id = l.provider_org_id;
ALTER TABLE document_line ENABLE TRIGGER document_line_guard;
ALTER TABLE document_line ALTER COLUMN product_name SET NOT NULL, ALTER COLUMN provider_name SET NOT NULL;
